import http from 'node:http';

export interface LoadOptions {
  readonly port: number;
  readonly path: string;
  readonly perSecond: number;
  readonly seconds: number;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  /** Gives up on an answer after so long; default 10,000. */
  readonly timeoutMs?: number;
}

export interface LoadResult {
  readonly sent: number;
  /** Answers by status; transport errors by their code or message. */
  readonly outcomes: ReadonlyMap<string, number>;
  /** Milliseconds that half of the answers of an outcome took at most. */
  readonly medianMs: ReadonlyMap<string, number>;
  /** Of answers with status 200. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Sends requests at a fixed rate, whether or not earlier ones were answered, over keep-alive connections. */
export async function openLoop(options: LoadOptions): Promise<LoadResult> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });
  const outcomes = new Map<string, number>();
  const times = new Map<string, number[]>();
  const count: Count = (what, ms) => {
    outcomes.set(what, (outcomes.get(what) ?? 0) + 1);
    const seen = times.get(what);
    if (seen === undefined) times.set(what, [ms]);
    else seen.push(ms);
  };
  const pending: Promise<void>[] = [];
  const total = Math.round(options.perSecond * options.seconds);
  const begun = performance.now();
  let sent = 0;
  while (sent < total) {
    const due = Math.min(total, Math.floor(((performance.now() - begun) / 1000) * options.perSecond) + 1);
    for (; sent < due; sent++) pending.push(one(options, agent, count));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await Promise.all(pending);
  agent.destroy();
  for (const list of times.values()) list.sort((a, b) => a - b);
  const at = (list: readonly number[] | undefined, share: number): number =>
    list?.[Math.min(list.length - 1, Math.floor(list.length * share))] ?? 0;
  return {
    sent,
    outcomes,
    medianMs: new Map([...times].map(([what, list]) => [what, at(list, 0.5)])),
    p50Ms: at(times.get('200'), 0.5),
    p99Ms: at(times.get('200'), 0.99),
  };
}

type Count = (what: string, ms: number) => void;

/** Answers with status 200 among all that was sent. */
export function served(result: LoadResult): number {
  return result.outcomes.get('200') ?? 0;
}

/** All outcomes in a line, for example `200: 950, 503: 50`. */
export function describeOutcomes(outcomes: ReadonlyMap<string, number>): string {
  return [...outcomes].map(([what, times]) => `${what}: ${times}`).join(', ') || 'none';
}

function one(options: LoadOptions, agent: http.Agent, count: Count): Promise<void> {
  return new Promise((resolve) => {
    const begun = performance.now();
    const done = (what: string): void => {
      count(what, performance.now() - begun);
      resolve();
    };
    const { port, path, method = 'GET', headers = {}, timeoutMs = 10_000 } = options;
    const request = http.request({ host: '127.0.0.1', port, path, method, headers, agent }, (response) => {
      response.on('data', () => {});
      response.on('error', (error) => done(error.message));
      response.on('end', () => done(String(response.statusCode)));
    });
    request.setTimeout(timeoutMs, () => request.destroy(new Error('no answer in time')));
    request.on('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
    request.end();
  });
}
