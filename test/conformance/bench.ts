import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { until } from '../harness/process.ts';
import { ask } from '../harness/raw-http.ts';
import { RecordingUpstream, wellFormed } from '../harness/recording-upstream.ts';
import { StaticProxy, type StaticProxyOptions } from '../harness/static-proxy.ts';

/** A proxy between bare sockets: what a suite of this folder works on. */
export interface Bench {
  /** The gateway: a listener for strangers. */
  edge: StaticProxy;
  /** A sidecar's outbound listener, which is a forward proxy. */
  outbound: StaticProxy;
  /** A sidecar's inbound listener. */
  inbound: StaticProxy;
  upstream: RecordingUpstream;
  /** Starts another proxy in front of the same upstream; it ends with the test. */
  start(options?: Partial<StaticProxyOptions>): Promise<StaticProxy>;
}

/** What Node tells when something was not caught; nothing here may. */
const warnings = ['MaxListenersExceededWarning', 'TimeoutOverflowWarning', 'TimeoutNegativeWarning'];

/** The sockets of this process. */
function openSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name.startsWith('TCP')).length;
}

/**
 * Starts the bench for a suite and holds the suite to the standing invariants: nothing uncaught (I1), everything
 * that reached the upstream was well-formed, and in the end no connection, request or handle is left (I7).
 */
export function startBench(): Bench {
  const bench = {} as Bench;
  const extra: StaticProxy[] = [];
  const uncaught: string[] = [];
  let sockets = 0;
  const onUncaught = (error: unknown) => uncaught.push(String(error));
  const onWarning = (warning: Error) => {
    if (warnings.includes(warning.name)) uncaught.push(String(warning));
  };

  beforeAll(async () => {
    process.on('uncaughtExceptionMonitor', onUncaught);
    process.on('warning', onWarning);
    sockets = openSockets();
    const upstream = await RecordingUpstream.start();
    const upstreams = [upstream.port];
    bench.upstream = upstream;
    bench.edge = await StaticProxy.start({ upstreams });
    bench.inbound = await StaticProxy.start({ upstreams, direction: 'inbound' });
    bench.outbound = await StaticProxy.start({ upstreams, direction: 'outbound' });
    bench.start = async (options = {}) => {
      const proxy = await StaticProxy.start({ upstreams, ...options });
      extra.push(proxy);
      return proxy;
    };
  });

  afterEach(async () => {
    const { upstream } = bench;
    upstream.answer = wellFormed;
    upstream.onHead = undefined;
    const proxies = [bench.edge, bench.inbound, bench.outbound, ...extra];
    for (const proxy of proxies) {
      await until(
        () => proxy.quiet,
        'connections and requests to end',
        5_000,
        () => JSON.stringify(proxy.describe()),
      );
    }
    for (const proxy of extra.splice(0)) await proxy.close();
    upstream.clear();
    expect(upstream.violations.splice(0)).toEqual([]);
    expect(uncaught.splice(0)).toEqual([]);
  });

  afterAll(async () => {
    for (const proxy of [bench.edge, bench.inbound, bench.outbound]) {
      expect(await proxy.metric('heddle_connections')).toBe(0);
      await proxy.close();
    }
    await bench.upstream.close();
    await until(
      () => openSockets() <= sockets,
      'sockets to close',
      5_000,
      () => String(process.getActiveResourcesInfo()),
    );
    process.off('uncaughtExceptionMonitor', onUncaught);
    process.off('warning', onWarning);
    expect(uncaught).toEqual([]);
  });

  return bench;
}

/** A request with a Host and these field lines. */
export const head = (lines = '', line = 'GET / HTTP/1.1') => `${line}\r\nHost: a.test\r\n${lines}\r\n`;
export const post = 'POST / HTTP/1.1';
/** A chunked request with this body as it stands. */
export const chunked = (body: string, lines = '') => `${head(`${lines}Transfer-Encoding: chunked\r\n`, post)}${body}`;

let canaries = 0;

/** A neighbour's request on a connection of its own is served (I4). */
export async function canary(bench: Bench, proxy: StaticProxy): Promise<void> {
  const target = `/canary/${++canaries}`;
  const response = await ask(proxy.port, `GET ${target} HTTP/1.1\r\nHost: a.test\r\n\r\n`);
  expect([response.status, response.body]).toEqual([200, `GET ${target}`]);
  expect(bench.upstream.requests.at(-1)?.target).toBe(target);
}
