import { expect } from 'vitest';
import { until } from '../harness/process.ts';
import { exchange } from '../harness/raw-http.ts';
import { readResponse } from '../harness/raw-response.ts';
import type { StaticProxy } from '../harness/static-proxy.ts';
import { type Bench, canary } from './bench.ts';

export interface RefusalOptions {
  /** Default: the edge. */
  proxy?: StaticProxy;
  /** The fault stands in the body, so that a head that came before it may have gone on. It is never completed. */
  inBody?: boolean;
}

/** The ways in which the bytes arrive. */
function cuts(input: string): readonly (readonly string[])[] {
  const middle = Math.floor(input.length / 2);
  const cut: string[][] = [[input], [input.slice(0, middle), input.slice(middle)]];
  if (input.length <= 300) cut.push([...input]);
  return cut;
}

/**
 * The input is answered with `expected` (`400 h1.bad-host`; status 0: only closed), `connection: close` and nothing
 * else; the connection ends in order; the upstream sees no byte of it (I5); the reason is counted once and logged
 * (I6); the next connection is served (I4). However the bytes arrive.
 */
export async function refuses(
  bench: Bench,
  input: string,
  expected: string,
  options: RefusalOptions = {},
): Promise<void> {
  const { proxy = bench.edge, inBody = false } = options;
  const { upstream } = bench;
  const [status = '', reason = ''] = expected.split(' ');
  const label = JSON.stringify(input.slice(0, 160));
  // A connection that waits for a request: the shortest way to the upstream.
  await canary(bench, proxy);
  for (const pieces of cuts(input)) {
    const [bytes, requests, count, all] = [
      upstream.bytes,
      upstream.requests.length,
      await proxy.refused(reason),
      await proxy.refused(),
    ];
    const { text, end } = await exchange(proxy.port, pieces);
    const where = `${label} in ${pieces.length} pieces`;
    expect(end, where).toBe('fin');
    checkAnswer(text, Number(status), reason, where);
    expect(await proxy.refused(reason), where).toBe(count + 1);
    expect(await proxy.refused(), where).toBe(all + 1);
    if (inBody && pieces.length > 1) {
      const unfinished = () => upstream.connections.filter(({ pending, closed }) => pending !== '' && !closed);
      await until(() => unfinished().length === 0, `the upstream connection to end: ${where}`);
    } else {
      expect(upstream.bytes, where).toBe(bytes);
    }
    await canary(bench, proxy);
    // The canary alone.
    expect(upstream.requests.length, where).toBe(requests + 1);
  }
  if (reason !== '') expect(proxy.logged.some((line) => line.includes(`"reason":"${reason}"`))).toBe(true);
}

function checkAnswer(text: string, status: number, reason: string, where: string): void {
  if (status === 0) {
    expect(text, where).toBe('');
    return;
  }
  const response = readResponse(text, 0, 'GET', true);
  expect(response?.status, `${where}: ${text.slice(0, 300)}`).toBe(status);
  expect(response?.get('x-heddle-reason'), where).toBe(reason);
  expect(response?.get('connection'), where).toMatch(/^close\b/);
  expect(JSON.parse(response?.body ?? ''), where).toMatchObject({ status, reason });
  expect(response?.end, `${where}: something follows`).toBe(text.length);
}
