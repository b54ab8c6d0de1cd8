import { expect, test } from 'vitest';
import { cluster, noRetry, request, retryOnce, TestProxy } from '../../test/harness/data-path.ts';
import { answer, type ScriptedAnswer, scriptedUpstream } from '../../test/harness/scripted-upstream.ts';
import type { RetryPolicy } from '../route/route-table.ts';

const ok = answer(200, [], 'ok');
const policy = (on: Iterable<string>, more: Partial<RetryPolicy> = {}): RetryPolicy => ({
  ...retryOnce,
  on: new Set(on) as RetryPolicy['on'],
  ...more,
});

/** A proxy with this policy before an upstream that answers so. */
async function startProxy(answers: readonly ScriptedAnswer[], retry: RetryPolicy) {
  const up = await scriptedUpstream(answers);
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [up.port]));
  const port = await under.listen('app', { action: { retry } });
  const send = (options: Parameters<typeof request>[2] = {}) => under.pump(request(port, '/', options));
  return { up, under, send };
}

test.each<[string, readonly string[], ScriptedAnswer, boolean]>([
  ['5xx of a 500', ['5xx'], answer(500), true],
  ['5xx of a broken connection', ['5xx'], 'close', true],
  ['reset of a broken connection', ['reset'], 'close', true],
  ['reset of a 500', ['reset'], answer(500), false],
  ['gateway-error of a 502', ['gateway-error'], answer(502), true],
  ['gateway-error of a 500', ['gateway-error'], answer(500), false],
  ['retriable-4xx of a 409', ['retriable-4xx'], answer(409), true],
  ['retriable-4xx of a 404', ['retriable-4xx'], answer(404), false],
  ['retriable-status-codes of one of them', ['retriable-status-codes'], answer(418), true],
  ['retriable-headers of a matching answer', ['retriable-headers'], answer(200, ['x-again: 1']), true],
  ['retriable-headers of another answer', ['retriable-headers'], answer(200), false],
  ['envoy-ratelimited of such an answer', ['envoy-ratelimited'], answer(503, ['x-envoy-ratelimited: true']), true],
  ['5xx of a rate-limited answer', ['5xx'], answer(503, ['x-envoy-ratelimited: true']), false],
  ['connect-failure of a broken connection', ['connect-failure'], 'close', false],
])('retry_on %s', async (_, on, first, expected) => {
  const matcher = { name: 'x-again', match: { kind: 'present' as const }, invert: false };
  const { send, up } = await startProxy([first, ok], policy(on, { statuses: [418], responseHeaders: [matcher] }));
  const response = await send();
  expect(up.seen.length).toBe(expected ? 2 : 1);
  if (expected) expect(response).toMatchObject({ status: 200, body: 'ok' });
});

test.each(['5xx', 'reset', 'gateway-error', 'retriable-status-codes'])(
  'AZ-24 RS-03: a POST that was sent is not sent again, whatever %s says',
  async (word) => {
    for (const first of [answer(503), 'close' as const]) {
      const { send, up } = await startProxy([first, ok], policy([word], { statuses: [503] }));
      expect((await send({ method: 'POST', body: 'x' })).status).toBe(503);
      expect(up.seen.length).toBe(1);
    }
  },
);

test('only requests with a retriable header are tried again, where the policy names some', async () => {
  const matcher = { name: 'x-retry', match: { kind: 'exact' as const, value: 'yes' }, invert: false };
  const { send, up } = await startProxy([answer(503)], policy(['5xx'], { requestHeaders: [matcher] }));
  await send();
  expect(up.seen.length).toBe(1);
  expect(up.seen[0]).not.toContain('x-heddle-attempt');
  await send({ headers: { 'x-retry': 'yes' } });
  expect(up.seen.length).toBe(3);
});

test.each<[string, string[], number]>([
  ['without Retry-After', [], 1],
  ['with one that lets us come again', ['retry-after: 0'], 2],
  ['AZ-25: with one that outlasts the request', ['retry-after: 1000000000'], 1],
  ['AZ-25: with a negative one', ['retry-after: -5'], 1],
  ['AZ-25: with a date that is none', ['retry-after: yesterday evening'], 1],
  ['with a date that is past', ['retry-after: Fri, 07 Nov 2014 23:59:59 GMT'], 2],
])('a 429 %s is answered with %j after %i tries', async (_, lines, tries) => {
  const { send, up } = await startProxy(
    [answer(429, lines), ok],
    policy(['retriable-status-codes'], { statuses: [429] }),
  );
  expect((await send()).status).toBe(tries === 1 ? 429 : 200);
  expect(up.seen.length).toBe(tries);
});

test('RS-05: the wait that Retry-After or a reset header asks for is kept', async () => {
  const configured = { resetHeaders: [{ name: 'x-reset', format: 'unix-timestamp' as const }], maxMs: 10_000 };
  const { under, up } = await startProxy([answer(503, ['retry-after: 3']), ok], policy(['5xx']));
  const port = await under.listen('app', {
    name: 'b',
    action: { retry: policy(['5xx'], { rateLimited: configured }) },
  });
  const waited = async (first: string): Promise<number> => {
    up.seen.length = 0;
    const other = await scriptedUpstream([first, ok]);
    under.proxy.setCluster(cluster('app', [other.port]));
    const began = under.clock.now();
    expect((await under.pump(request(port, '/'))).status).toBe(200);
    expect(other.seen.length).toBe(2);
    return under.clock.now() - began;
  };
  expect(await waited(answer(503, ['retry-after: 3']))).toBeGreaterThanOrEqual(3_000);
  const reset = Math.ceil(under.clock.wallTime() / 1_000) + 4;
  expect(await waited(answer(500, [`x-reset: ${reset}`]))).toBeGreaterThanOrEqual(3_000);
  // A reset beyond the policy's longest wait is not meant.
  expect(await waited(answer(500, [`x-reset: ${reset + 3_600}`]))).toBeLessThan(3_000);
});

test('per_try_idle_timeout gives up a silent try, and the request is tried again', async () => {
  const { send, up, under } = await startProxy(
    ['silence', ok],
    policy(['reset'], { perTryTimeoutMs: 0, perTryIdleTimeoutMs: 500 }),
  );
  expect(await send()).toMatchObject({ status: 200 });
  expect(up.seen.length).toBe(2);
  expect(under.observer.streams[0]?.attempts).toMatchObject([{ failure: 'UT' }, { failure: '' }]);
  const silent = await startProxy(['silence'], policy(['reset'], { attempts: 0, perTryIdleTimeoutMs: 500 }));
  expect(await silent.send()).toMatchObject({ status: 504, body: expect.stringContaining('per_try_idle_timeout') });
});

test('an application may ask for retries by Envoy\u2019s headers, which go no further', async () => {
  const { send, up } = await startProxy([answer(418), answer(418), ok], noRetry);
  const headers = {
    'x-envoy-retry-on': 'retriable-status-codes,nonsense',
    'x-envoy-retriable-status-codes': '418, x',
    'x-envoy-max-retries': '2',
  };
  expect((await send({ headers })).status).toBe(200);
  expect(up.seen.length).toBe(3);
  expect(up.seen.join('')).not.toContain('x-envoy-');
});

test('at the edge such headers are nobody\u2019s to set', async () => {
  const up = await scriptedUpstream([answer(503)]);
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [up.port]));
  const port = await under.listen('app', { direction: 'gateway' });
  const headers = { 'x-envoy-retry-on': '5xx', 'x-envoy-max-retries': '9', 'x-envoy-upstream-rq-timeout-ms': '1' };
  expect((await under.pump(request(port, '/', { headers }))).status).toBe(503);
  expect(up.seen.length).toBe(1);
});

test('UP-18: a storm of 503 that ask for an immediate retry stays within the budget', async () => {
  const up = await scriptedUpstream([answer(503, ['retry-after: 0'])]);
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [up.port]));
  const port = await under.listen('app', { action: { retry: policy(['5xx'], { attempts: 10 }) } });
  const clients = 100;
  for (let round = 0; round < 3; round++) {
    await under.pump(Promise.all(Array.from({ length: clients }, () => request(port, '/'))));
  }
  expect(up.seen.length).toBeGreaterThan(3 * clients);
  expect(up.seen.length).toBeLessThanOrEqual(3 * clients * 1.2);
});
