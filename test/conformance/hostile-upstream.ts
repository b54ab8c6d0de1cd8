import { expect } from 'vitest';
import { until } from '../harness/process.ts';
import { RawClient } from '../harness/raw-http.ts';
import type { RawResponse } from '../harness/raw-response.ts';
import { wellFormed } from '../harness/recording-upstream.ts';
import { clusterName, type StaticProxy } from '../harness/static-proxy.ts';
import type { Bench } from './bench.ts';

/** A response head with these field lines. */
export const response = (lines: string, line = 'HTTP/1.1 200 OK') => `${line}\r\n${lines}\r\n`;

export interface HostileOptions {
  method?: string;
  /** More field lines of the request. */
  lines?: string;
  proxy?: StaticProxy;
}

/** The upstream answers one request with these bytes, in one piece and byte by byte, and all others in order. */
async function meet(
  bench: Bench,
  bytes: string,
  options: HostileOptions & { fin?: boolean },
  check: (client: RawClient, ask: () => void) => Promise<void>,
): Promise<void> {
  const { method = 'GET', lines = '', proxy = bench.edge, fin = false } = options;
  const cuts = bytes.length > 300 ? [[bytes]] : [[bytes], [...bytes]];
  for (const pieces of cuts) {
    let hostile = -1;
    bench.upstream.answer = (request, socket, connection) => {
      if (request.target !== '/hostile') {
        wellFormed(request, socket, connection);
        return;
      }
      hostile = request.connection;
      const next = (i: number) => {
        if (i < pieces.length) socket.write(pieces[i] as string, 'latin1', () => setImmediate(next, i + 1));
        else if (fin) socket.end();
      };
      next(0);
    };
    const client = await RawClient.connect(proxy.port);
    await check(client, () => client.send(`${method} /hostile HTTP/1.1\r\nHost: a.test\r\n${lines}\r\n`));
    const spent = bench.upstream.connections.find(({ index }) => index === hostile);
    await until(
      () => spent === undefined || spent.closed,
      `the connection to be ended after ${JSON.stringify(bytes.slice(0, 100))}`,
    );
    client.send('GET /next HTTP/1.1\r\nHost: a.test\r\n\r\n');
    expect((await client.response()).body).toBe('GET /next');
    expect(bench.upstream.requests.at(-1)?.connection).not.toBe(hostile);
    await client.close();
  }
}

/**
 * The response becomes a 502 that names the reason, the reason is counted once, the connection is given up, and the
 * client's next request is served over another one.
 */
export async function breaks(bench: Bench, bytes: string, reason: string, options: HostileOptions = {}): Promise<void> {
  const proxy = options.proxy ?? bench.edge;
  const where = JSON.stringify(bytes.slice(0, 160));
  await meet(bench, bytes, options, async (client, ask) => {
    const count = await proxy.refused(reason, clusterName);
    const asked = bench.upstream.requests.length;
    ask();
    const answer = await client.response(options.method);
    expect(answer.status, where).toBe(502);
    expect(answer.get('x-heddle-reason'), where).toMatch(/^upstream-protocol-error;/);
    expect(JSON.parse(answer.body).error.message, where).toContain(reason);
    expect(await proxy.refused(reason, clusterName), where).toBe(count + 1);
    // A response that is wrong is an answer: the request was processed, and is not sent again.
    expect(bench.upstream.requests.length, where).toBe(asked + 1);
  });
}

/** The response is passed on, and the connection is given up all the same; `reason` is what is counted for it. */
export async function passes(
  bench: Bench,
  bytes: string,
  options: HostileOptions & { fin?: boolean; reason?: string } = {},
): Promise<{ answer: RawResponse }> {
  const proxy = options.proxy ?? bench.edge;
  let answer: RawResponse | undefined;
  await meet(bench, bytes, options, async (client, ask) => {
    const { reason } = options;
    const count = reason === undefined ? 0 : await proxy.refused(reason, clusterName);
    ask();
    answer = await client.response(options.method);
    if (reason === undefined) return;
    await until(async () => (await proxy.refused(reason, clusterName)) > count, `${reason} to be counted`);
    expect(await proxy.refused(reason, clusterName)).toBe(count + 1);
  });
  return { answer: answer as RawResponse };
}
