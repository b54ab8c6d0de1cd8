import { expect, test } from 'vitest';
import { cluster, request, retryOnce, TestProxy, tcpServer, until } from '../../test/harness/data-path.ts';
import { answer, type ScriptedAnswer, scriptedUpstream } from '../../test/harness/scripted-upstream.ts';
import type { RetryPolicy } from '../route/route-table.ts';

const hedged: RetryPolicy = { ...retryOnce, perTryTimeoutMs: 500, hedgeOnPerTryTimeout: true };

/** A proxy before two upstreams, which take turns; the first is asked first. */
async function startProxy(first: readonly ScriptedAnswer[], second: readonly ScriptedAnswer[], retry = hedged) {
  const [a, b] = [await scriptedUpstream(first), await scriptedUpstream(second)];
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [a.port, b.port]));
  const port = await under.listen('app', { action: { retry } });
  const send = (options: Parameters<typeof request>[2] = {}) => under.pump(request(port, '/', options));
  const both = () => a.seen.length + b.seen.length;
  return { a, b, under, port, send, both };
}

test('RS-06: a try that takes too long is raced, the first answer wins, and the loser is reset', async () => {
  const { a, b, under, send } = await startProxy(['silence'], [answer(200, [], 'fast')]);
  // One of two requests meets the silent one first.
  for (let i = 0; i < 2; i++) expect(await send()).toMatchObject({ status: 200, body: 'fast' });
  const raced = under.observer.streams.find((info) => info.attemptCount === 2);
  expect(raced).toMatchObject({ status: 200, upstreamAddress: `127.0.0.1:${b.port}` });
  await until(() => a.ended >= 1);
  expect(under.proxy.describe().clusters[0]).toMatchObject({ activeRequests: 0 });
});

test('RS-06: the slow try may still win', async () => {
  const under = new TestProxy();
  let answerSlow = () => {};
  let asked = 0;
  const port = await tcpServer((socket) => {
    socket.on('data', () => {
      asked++;
      if (asked === 1) answerSlow = () => socket.write(answer(200, [], 'slow'));
    });
  });
  under.proxy.setCluster(cluster('app', [port]));
  const listener = await under.listen('app', { action: { retry: hedged } });
  const response = request(listener, '/');
  await until(() => {
    under.advance(10);
    return asked === 2;
  });
  answerSlow();
  expect(await response).toMatchObject({ status: 200, body: 'slow' });
  expect(under.proxy.describe().clusters[0]).toMatchObject({ activeRequests: 0 });
  expect(under.observer.streams[0]?.attempts).toHaveLength(2);
});

test('RS-06: while one still runs, a bad answer of the other is not the client\u2019s', async () => {
  const { send, both } = await startProxy(['silence', answer(503)], ['silence', answer(503)]);
  // Both are silent at first; the request's own time-out ends it, and no third try is made.
  expect(await send()).toMatchObject({
    status: 504,
    headers: { 'x-heddle-reason': expect.stringMatching(/^request-timeout/) },
  });
  expect(both()).toBe(2);
});

test('RS-06: what may not be done twice is not raced', async () => {
  const { send, both } = await startProxy(['silence'], ['silence']);
  expect(await send({ method: 'POST', body: 'x' })).toMatchObject({
    status: 504,
    headers: { 'x-heddle-reason': expect.stringMatching(/^per-try-timeout/) },
  });
  expect(both()).toBe(1);
});

test('RS-06: races are bounded by the retry budget', async () => {
  const { under, port, both } = await startProxy(['silence'], ['silence']);
  const clients = 50;
  const responses = await under.pump(Promise.all(Array.from({ length: clients }, () => request(port, '/'))), 20);
  expect(responses.every(({ status }) => status === 504)).toBe(true);
  expect(both()).toBeGreaterThan(clients);
  expect(both()).toBeLessThanOrEqual(clients * 1.25);
});
