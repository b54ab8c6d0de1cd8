import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import type { Trace, TraceSummary } from '../../proto/api/v1.ts';
import { CliError, ExitCode } from '../cli-error.ts';
import { type ApiClient, ApiFailure, type TraceQuery } from '../client.ts';
import type { CliContext } from '../context.ts';
import { age, duration } from '../output/duration.ts';
import { type OutputFormat, serialize } from '../output/format.ts';
import { styleFor } from '../output/style.ts';
import { type Column, renderTable } from '../output/table.ts';
import { watch } from '../output/watch.ts';
import { renderWaterfall } from '../output/waterfall.ts';
import { examples, outputOption, type ServerOptions, serverOption, wholeNumber } from './shared-options.ts';

interface ListOptions extends ServerOptions {
  readonly service?: string;
  readonly route?: string;
  readonly minDuration?: number;
  readonly error?: boolean;
  readonly limit: number;
  readonly watch?: boolean;
  readonly output?: OutputFormat;
}

interface ShowOptions extends ServerOptions {
  readonly output?: 'wide' | 'json' | 'yaml';
}

export function traceCommand(context: CliContext): Command {
  const list = listCommand(context);
  const show = showCommand(context);
  return new Command('trace').description('What requests went through, hop by hop').addCommand(list).addCommand(show);
}

function listCommand(context: CliContext): Command {
  const command = new Command('ls')
    .alias('list')
    .description('The newest traces')
    .option('--service <name>', 'only those that touched a service')
    .option('--route <name>', 'only those that matched a route')
    .option('--min-duration <ms>', 'only slow ones', wholeNumber(0, 3_600_000))
    .option('--error', 'only failed ones')
    .option('--limit <count>', 'at most so many', wholeNumber(1, 1000), 20)
    .option('-w, --watch', 'go on and print new ones');
  examples(
    command,
    'heddle trace ls',
    'heddle trace ls --service cart --min-duration 100',
    'heddle trace ls --error -o json',
  );
  return outputOption(serverOption(command)).action(async (options: ListOptions) => {
    const client = context.client(options.server);
    const query: TraceQuery = {
      limit: options.limit,
      ...(options.service === undefined ? {} : { service: options.service }),
      ...(options.route === undefined ? {} : { route: options.route }),
      ...(options.minDuration === undefined ? {} : { minDurationMs: options.minDuration }),
      ...(options.error === true ? { error: true } : {}),
    };
    const table = (items: readonly TraceSummary[]) =>
      renderTable(columns(options.output === 'wide', Date.now()), items, styleFor(context.stdout));
    if (options.watch === true) {
      await watch(
        async () => (await client.traces(query)).items.toReversed(),
        (trace) => trace.traceId,
        (items, first) => context.stdout.write(first ? table(items) : table(items).replace(/^.*\n/, '')),
      );
    }
    const { items } = await client.traces(query);
    if (options.output === 'json' || options.output === 'yaml') {
      context.stdout.write(await serialize({ items }, options.output));
    } else if (options.output === 'name') {
      for (const trace of items) context.stdout.write(`${trace.traceId}\n`);
    } else if (items.length === 0) {
      context.stderr.write('No traces.\n');
    } else {
      context.stdout.write(table(items));
    }
  });
}

function columns(wide: boolean, now: number): Column<TraceSummary>[] {
  return [
    { header: 'TRACE', value: (trace) => (wide ? trace.traceId : trace.traceId.slice(0, 16)) },
    { header: 'SERVICE', value: (trace) => trace.service },
    { header: 'NAME', value: (trace) => trace.name },
    {
      header: 'STATUS',
      value: (trace) => trace.status || '-',
      colour: (trace) => (trace.errors > 0 || trace.status >= 500 ? 'red' : undefined),
    },
    { header: 'DURATION', value: (trace) => duration(trace.durationMs) },
    { header: 'SPANS', value: (trace) => trace.spans },
    { header: 'SERVICES', value: (trace) => trace.services },
    { header: 'ERRORS', value: (trace) => trace.errors },
    { header: 'AGE', value: (trace) => age(trace.startTime, now) },
    ...(wide ? [{ header: 'START', value: (trace: TraceSummary) => trace.startTime }] : []),
  ];
}

/** Proxies send spans once a second, each at its own moment, so the newest trace may still lack some of them. */
const longestWaitMs = 2000;
const readAgainMs = 250;

async function latest(client: ApiClient, read: (id: string) => Promise<Trace>): Promise<Trace> {
  let id: string | undefined;
  for (let waited = 0; ; waited += readAgainMs) {
    id ??= (await client.traces({ limit: 1 })).items[0]?.traceId;
    const trace = id === undefined ? undefined : await read(id);
    if (trace !== undefined && (waited >= longestWaitMs || !lacksSpans(trace))) return trace;
    if (waited >= longestWaitMs) throw new CliError('there are no traces yet', ExitCode.no);
    await sleep(readAgainMs);
  }
}

/** Whether a span names a parent that is not there, or called a proxy that has not reported yet. */
function lacksSpans(trace: Trace): boolean {
  const ids = new Set(trace.spans.map((span) => span.spanId));
  const parents = new Set(trace.spans.map((span) => span.parentSpanId));
  return trace.spans.some(
    (span) =>
      (span.parentSpanId !== '' && !ids.has(span.parentSpanId)) ||
      (span.kind === 'client' && span.peer !== '' && span.status > 0 && !span.error && !parents.has(span.spanId)),
  );
}

function showCommand(context: CliContext): Command {
  const command = new Command('show')
    .description('One trace as a waterfall: every hop, who it was, how long it took, what was decided')
    .argument('<id>', 'id or a beginning of it (at least 4 characters), or latest');
  examples(command, 'heddle trace show latest', 'heddle trace show 4bf92f35 -o wide');
  outputOption(serverOption(command), ['wide', 'json', 'yaml']);
  return command.action(async (id: string, options: ShowOptions) => {
    const client = context.client(options.server);
    const read = (wanted: string) =>
      client.trace(wanted).catch((error: unknown) => {
        if (!(error instanceof ApiFailure) || error.status !== 404) throw error;
        throw new CliError(error.message, ExitCode.no);
      });
    const trace = id === 'latest' ? await latest(client, read) : await read(id);
    context.stdout.write(
      options.output === 'json' || options.output === 'yaml'
        ? await serialize(trace, options.output)
        : renderWaterfall(trace, styleFor(context.stdout), options.output === 'wide'),
    );
  });
}
