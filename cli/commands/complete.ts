import { Command, type Option } from 'commander';
import { CliError } from '../cli-error.ts';
import type { ApiClient } from '../client.ts';
import type { CliContext } from '../context.ts';
import { printable } from '../output/printable.ts';
import { programOf } from '../process/pass-through.ts';
import { type ProgramFlag, programFlags } from '../process/program-flags.ts';
import { resourceKinds } from '../resource-kinds.ts';

/** A person waits for the answer with a finger on the Tab key. */
const serverPatienceMs = 500;

interface Candidate {
  readonly word: string;
  readonly description?: string;
}

/** What the words before the cursor mean. */
interface Situation {
  readonly command: Command;
  /** Arguments of the command so far, without options. */
  readonly positionals: readonly string[];
  /** The option whose value comes next. */
  readonly pending: Option | undefined;
  readonly namespace: string;
  readonly server: string | undefined;
}

/** Hidden: answers the completion scripts with a candidate a line. Never fails, never prints an error. */
export function completeCommand(context: CliContext, program: Command): Command {
  return new Command('__complete')
    .argument('[words...]')
    .allowUnknownOption()
    .passThroughOptions()
    .action(async (words: string[]) => {
      const last = words.at(-1) ?? '';
      const situation = understand(program, words.slice(0, -1));
      const candidates = await propose(context, situation, last);
      for (const { word, description } of candidates.filter((candidate) => candidate.word.startsWith(last))) {
        context.stdout.write(`${printable(word)}${description === undefined ? '' : `\t${printable(description)}`}\n`);
      }
    });
}

function understand(program: Command, words: readonly string[]): Situation {
  let command = program;
  let pending: Option | undefined;
  let namespace = 'default';
  let server: string | undefined;
  const positionals: string[] = [];
  const setOption = (option: Option | undefined, value: string) => {
    if (option?.long === '--namespace') namespace = value;
    if (option?.long === '--server') server = value;
  };
  for (const word of words) {
    if (pending !== undefined) {
      setOption(pending, word);
      pending = undefined;
    } else if (word.startsWith('-') && word !== '-' && programOf(command) === undefined) {
      const [name = '', value] = word.split('=', 2);
      const option = command.options.find((candidate) => candidate.long === name || candidate.short === name);
      if (value !== undefined) setOption(option, value);
      else if (option?.required) pending = option;
    } else {
      const child = positionals.length === 0 ? findCommand(command, word) : undefined;
      if (child === undefined) positionals.push(word);
      else command = child;
    }
  }
  return { command, positionals, pending, namespace, server };
}

function findCommand(parent: Command, word: string): Command | undefined {
  return parent.commands.find((child) => child.name() === word || child.aliases().includes(word));
}

async function propose(context: CliContext, situation: Situation, last: string): Promise<Candidate[]> {
  const { command, positionals, pending } = situation;
  const program = programOf(command);
  if (program !== undefined) return proposeFlags(await programFlags(context, program), positionals, last);
  const ask = (question: (client: ApiClient) => Promise<Candidate[]>) =>
    askServer(() => context.client(situation.server).withTimeout(serverPatienceMs), question);
  if (pending?.argChoices !== undefined) return pending.argChoices.map((word) => ({ word }));
  if (pending?.long === '--namespace') return ask(namespaces);
  if (pending !== undefined) return [];
  if (last.startsWith('-')) {
    return command
      .createHelp()
      .visibleOptions(command)
      .map((option) => ({ word: option.long ?? option.short ?? '', description: option.description }));
  }
  const children = command
    .createHelp()
    .visibleCommands(command)
    .filter((child) => child.name() !== 'help');
  if (children.length > 0 && positionals.length === 0) {
    return children.map((child) => ({ word: child.name(), description: child.description() }));
  }
  return proposeArgument(situation, ask);
}

/** The flags of a command that becomes another program, or the words that the flag before takes. */
function proposeFlags(flags: readonly ProgramFlag[], before: readonly string[], last: string): Candidate[] {
  if (last.startsWith('-')) return flags.map(({ name }) => ({ word: name }));
  const flag = flags.find(({ name }) => name === before.at(-1));
  return (flag?.values ?? []).map((word) => ({ word }));
}

async function proposeArgument(
  { command, positionals, namespace }: Situation,
  ask: (question: (client: ApiClient) => Promise<Candidate[]>) => Promise<Candidate[]>,
): Promise<Candidate[]> {
  const argument = command.registeredArguments[Math.min(positionals.length, command.registeredArguments.length - 1)];
  if (argument === undefined) return [];
  if (argument.argChoices !== undefined) return argument.argChoices.map((word) => ({ word }));
  switch (argument.name()) {
    case 'kind':
      return resourceKinds.map((kind) => ({ word: kind.plural, description: kind.kind }));
    case 'names':
      return ask(async (client) =>
        (await client.list(positionals[0] ?? '', namespace)).map((item) => ({ word: item.metadata.name })),
      );
    case 'proxy':
      return ask(async (client) =>
        (await client.proxies()).items.map((proxy) => ({ word: proxy.id, description: proxy.mode })),
      );
    case 'id':
      return ask(async (client) => [
        { word: 'latest', description: 'the newest' },
        ...(await client.traces({ limit: 20 })).items.map((trace) => ({
          word: trace.traceId,
          description: `${trace.service} ${trace.name}`,
        })),
      ]);
    default:
      return [];
  }
}

async function namespaces(client: ApiClient): Promise<Candidate[]> {
  const items = await client.list('all', '');
  return [...new Set(['default', ...items.map((item) => item.metadata.namespace)])].map((word) => ({ word }));
}

async function askServer(
  makeClient: () => ApiClient,
  question: (client: ApiClient) => Promise<Candidate[]>,
): Promise<Candidate[]> {
  try {
    return await question(makeClient());
  } catch (error) {
    if (error instanceof CliError) return [];
    throw error;
  }
}
