import { expect, test } from 'vitest';
import { AdmissionControl } from '../../../proto/gen/envoy/extensions/filters/http/admission_control/v3/admission_control.ts';
import { cluster, httpServer, rawClient, TestProxy } from '../../../test/harness/data-path.ts';
import { filterProblems, httpFilter, packed } from '../../../test/harness/http-filters.ts';
import { SuccessWindow } from './success-window.ts';

async function controlled(control: object) {
  let status = 200;
  let reached = 0;
  const { port: upstream } = await httpServer((_, outgoing) => {
    reached++;
    outgoing.writeHead(status).end();
  });
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [upstream]));
  const port = await under.listen('app', { filters: [httpFilter('control', packed(AdmissionControl, control))] });
  const client = rawClient(port);
  /** How many of `count` requests the upstream saw. */
  const send = async (count: number, answer: number) => {
    status = answer;
    const before = reached;
    for (let i = 0; i < count; i++) {
      client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await client.response();
    }
    return reached - before;
  };
  return { under, send };
}

test('RS-15: while all succeed all are let through; the more fail, the more are refused, but never all', async () => {
  const { under, send } = await controlled({ successCriteria: {} });
  expect(await send(100, 200)).toBe(100);
  under.advance(31_000);
  const failing = await send(300, 500);
  expect(failing).toBeLessThan(180);
  expect(failing).toBeGreaterThan(60 * 0.6);
  // What failed is forgotten after the window.
  under.advance(31_000);
  expect(await send(50, 200)).toBe(50);
});

test('RS-15: what the client did wrong is no failure of the service, unless the configuration says so', async () => {
  const usual = await controlled({ successCriteria: {} });
  expect(await usual.send(100, 404)).toBe(100);
  const strict = await controlled({
    successCriteria: { httpCriteria: { httpSuccessStatus: [{ start: 200, end: 300 }] } },
  });
  expect(await strict.send(100, 404)).toBeLessThan(90);
});

test('RS-15: with few requests nothing is refused, and shares are bounded', async () => {
  const few = await controlled({ successCriteria: {}, rpsThreshold: { defaultValue: 100, runtimeKey: 'x' } });
  expect(await few.send(100, 500)).toBe(100);
  const mild = await controlled({
    successCriteria: {},
    maxRejectionProbability: { defaultValue: { value: 10 }, runtimeKey: 'x' },
  });
  expect(await mild.send(200, 500)).toBeGreaterThan(160);
});

test('a window forgets second by second', () => {
  const window = new SuccessWindow(3_000, 0);
  window.record(true, 0);
  window.record(false, 1_500);
  window.record(true, 2_500);
  expect([window.requests, window.successes]).toEqual([3, 2]);
  window.forget(3_100);
  expect([window.requests, window.successes]).toEqual([2, 1]);
  window.forget(100_000);
  expect([window.requests, window.successes]).toEqual([0, 0]);
});

test('what is missing or out of range is refused by path', () => {
  expect(
    filterProblems(packed(AdmissionControl, { srThreshold: { defaultValue: { value: 0 }, runtimeKey: 'x' } })),
  ).toEqual([
    'http_filters[0].typed_config.success_criteria: missing',
    'http_filters[0].typed_config.sr_threshold.default_value: below 1',
  ]);
  const successCriteria = { httpCriteria: { httpSuccessStatus: [{ start: 300, end: 200 }] } };
  expect(filterProblems(packed(AdmissionControl, { successCriteria }))).toEqual([
    'http_filters[0].typed_config.success_criteria.http_criteria.http_success_status[0]: not a range of statuses from 100 to 600',
  ]);
});
