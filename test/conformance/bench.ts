import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { ask } from '../harness/raw-http.ts';
import { RecordingUpstream, wellFormed } from '../harness/recording-upstream.ts';
import { StaticProxy, type StaticProxyOptions } from '../harness/static-proxy.ts';
import { Invariants } from './invariants.ts';

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
  /** The same for a proxy that stays for the whole suite. */
  keep(options?: Partial<StaticProxyOptions>): Promise<StaticProxy>;
}

/** Starts the bench for a suite, and holds the suite to the standing {@link Invariants}. */
export function startBench(): Bench {
  const bench = {} as Bench;
  const extra: StaticProxy[] = [];
  let invariants: Invariants;

  beforeAll(async () => {
    invariants = new Invariants();
    const upstream = await RecordingUpstream.start();
    const start = async (options: Partial<StaticProxyOptions> = {}) =>
      invariants.watch(await StaticProxy.start({ upstreams: [upstream.port], ...options }));
    bench.upstream = upstream;
    bench.edge = await start();
    bench.inbound = await start({ direction: 'inbound' });
    bench.outbound = await start({ direction: 'outbound' });
    bench.keep = start;
    bench.start = async (options) => {
      const proxy = await start(options);
      extra.push(proxy);
      return proxy;
    };
  });

  afterEach(async () => {
    const { upstream } = bench;
    upstream.answer = wellFormed;
    upstream.onHead = undefined;
    await invariants.settle();
    for (const proxy of extra.splice(0)) await invariants.close(proxy);
    upstream.clear();
    expect(upstream.violations.splice(0)).toEqual([]);
  });

  afterAll(async () => {
    await bench.upstream.close();
    // What the recorder holds is no proxy's memory.
    bench.upstream.clear();
    await invariants.finish();
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
