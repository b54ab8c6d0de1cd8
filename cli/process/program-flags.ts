import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { CliContext } from '../context.ts';
import { ownEnvironment } from './own-environment.ts';

/** A flag of a program: what it is called, and the words it takes where there are few. */
export interface ProgramFlag {
  readonly name: string;
  readonly values: readonly string[];
}

/** A person waits for the answer with a finger on the Tab key. */
const patienceMs = 2_000;

/** The flags that a program names in its help, for completion; none when it does not answer. */
export async function programFlags(context: CliContext, program: string): Promise<ProgramFlag[]> {
  let help: string;
  try {
    const options = { env: ownEnvironment(context), timeout: patienceMs };
    help = (await promisify(execFile)(context.node, [program, '--help'], options)).stdout;
  } catch {
    return [];
  }
  const flags = new Map<string, Set<string>>();
  for (const [, name = '', value = ''] of help.matchAll(/^ +(?:-\w, )?(--[a-z-]+)(?: (\S+))?/gm)) {
    const values = flags.get(name) ?? new Set();
    if (/^[a-z]+(\|[a-z]+)+$/.test(value)) for (const word of value.split('|')) values.add(word);
    flags.set(name, values);
  }
  return [...flags].map(([name, values]) => ({ name, values: [...values] }));
}
