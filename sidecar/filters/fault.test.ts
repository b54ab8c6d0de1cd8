import { expect, test } from 'vitest';
import { HTTPFault } from '../../proto/gen/envoy/extensions/filters/http/fault/v3/fault.ts';
import { cluster, httpServer, rawClient, request, route, TestProxy } from '../../test/harness/data-path.ts';
import { filterProblems, httpFilter, overrides, packed } from '../../test/harness/http-filters.ts';
import type { Direction } from '../observe/stream-info.ts';

const always = { numerator: 100 };

async function faulty(fault: unknown, options: { direction?: Direction; onRoute?: unknown; body?: string } = {}) {
  const reached: string[] = [];
  const { port: upstream } = await httpServer((incoming, outgoing) => {
    reached.push(incoming.url ?? '');
    outgoing.end(options.body ?? 'served');
  });
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [upstream]));
  const own =
    options.onRoute === undefined ? {} : { overrides: overrides({ fault: packed(HTTPFault, options.onRoute) }) };
  const port = await under.listen('app', {
    filters: [httpFilter('fault', packed(HTTPFault, fault))],
    routes: [{ ...route('app'), ...own }],
    ...(options.direction === undefined ? {} : { direction: options.direction }),
  });
  return { port, under, reached };
}

test('TR-08: a fixed delay holds a request as long as it says, and tells so', async () => {
  const { port, under, reached } = await faulty({ delay: { fixedDelay: '2s', percentage: always } });
  const answer = request(port, '/slow');
  await under.until(() => under.observer.started === 1);
  under.advance(1_900);
  expect(reached).toEqual([]);
  under.advance(200);
  expect((await answer).status).toBe(200);
  await under.until(() => under.observer.streams.length === 1);
  expect(under.observer.streams[0]?.flags).toBe(1 << 16);
});

test('TR-08: an abort answers with its status, and no upstream hears of it', async () => {
  const { port, under, reached } = await faulty({ abort: { httpStatus: 418, percentage: always } });
  const answer = await request(port, '/');
  expect([answer.status, answer.headers['x-heddle-reason']]).toEqual([418, 'fault-injected']);
  expect([reached, under.observer.streams[0]?.flags]).toEqual([[], 1 << 17]);
});

test('TR-08: delay, then abort', async () => {
  const { port, under } = await faulty({
    delay: { fixedDelay: '1s', percentage: always },
    abort: { httpStatus: 500, percentage: always },
  });
  const answer = request(port, '/');
  await under.until(() => under.observer.started === 1);
  under.advance(1_100);
  expect((await answer).status).toBe(500);
});

test('a body that waited while its request was held is read and dropped when it is refused', async () => {
  const { port, under, reached } = await faulty({
    delay: { fixedDelay: '1s', percentage: always },
    abort: { httpStatus: 500, percentage: always },
    headers: [{ name: ':method', stringMatch: { exact: 'POST' } }],
  });
  const client = rawClient(port);
  client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n${'x'.repeat(200_000)}`);
  await under.until(() => under.observer.started === 1);
  under.advance(1_100);
  client.send('x'.repeat(100_000));
  expect((await client.response()).status).toBe(500);
  await under.until(() => client.ended);
  expect([client.error, reached]).toEqual([undefined, []]);
});

test('TR-08: shares down to one in a million are kept', async () => {
  const { port } = await faulty({
    abort: { httpStatus: 500, percentage: { numerator: 250_000, denominator: 'MILLION' } },
  });
  const client = rawClient(port);
  let aborted = 0;
  for (let i = 0; i < 400; i++) {
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    if ((await client.response()).status === 500) aborted++;
  }
  expect(aborted).toBeGreaterThan(70);
  expect(aborted).toBeLessThan(130);
});

const byHeader = {
  delay: { headerDelay: {}, percentage: always },
  abort: { headerAbort: {}, percentage: { numerator: 100 } },
};

test('TR-08: inside the mesh a request may ask for its own fault', async () => {
  const { port, under } = await faulty(byHeader);
  expect((await request(port, '/', { headers: { 'x-envoy-fault-abort-request': '410' } })).status).toBe(410);
  expect((await request(port, '/', { headers: { 'x-envoy-fault-abort-request': '99' } })).status).toBe(200);
  const none = { 'x-envoy-fault-abort-request': '410', 'x-envoy-fault-abort-request-percentage': '0' };
  expect((await request(port, '/', { headers: none })).status).toBe(200);
  const slow = request(port, '/', { headers: { 'x-envoy-fault-delay-request': '500' } });
  await under.until(() => under.observer.started === 4);
  under.advance(600);
  expect((await slow).status).toBe(200);
});

test('AZ-26: what a stranger asks for at the edge is not done', async () => {
  const { port } = await faulty(byHeader, { direction: 'gateway' });
  const headers = { 'x-envoy-fault-abort-request': '410', 'x-envoy-fault-delay-request': '100000' };
  expect((await request(port, '/', { headers })).status).toBe(200);
});

test('only the requests that are meant get a fault', async () => {
  const abort = { httpStatus: 500, percentage: always };
  const headers = [{ name: 'x-test', stringMatch: { exact: 'yes' } }];
  const { port } = await faulty({ abort, headers, downstreamNodes: ['node-a'] });
  const node = { 'x-envoy-downstream-service-node': 'node-a' };
  const ask = async (sent: Record<string, string>) => (await request(port, '/', { headers: sent })).status;
  expect(await ask({ ...node, 'x-test': 'yes' })).toBe(500);
  expect(await ask({ 'x-test': 'yes' })).toBe(200);
  expect(await ask(node)).toBe(200);
  const other = await faulty({ abort, upstreamCluster: 'other' });
  expect((await request(other.port, '/')).status).toBe(200);
  const same = await faulty({ abort, upstreamCluster: 'app' });
  expect((await request(same.port, '/')).status).toBe(500);
});

test('a route may have its own fault', async () => {
  const { port } = await faulty({}, { onRoute: { abort: { httpStatus: 503, percentage: always } } });
  expect((await request(port, '/')).status).toBe(503);
});

test('no more faults than max_active_faults at a time; those of clients that left count no more', async () => {
  const { port, under, reached } = await faulty({
    delay: { fixedDelay: '1s', percentage: always },
    maxActiveFaults: 1,
  });
  const client = rawClient(port);
  client.send('GET /held HTTP/1.1\r\nHost: a\r\n\r\n');
  await under.until(() => under.observer.started === 1);
  expect((await request(port, '/second')).status).toBe(200);
  client.reset();
  await under.until(() => under.observer.streams.length === 2);
  const third = request(port, '/third');
  await under.until(() => under.observer.started === 3);
  expect(reached).toEqual(['/second']);
  under.advance(1_100);
  expect((await third).status).toBe(200);
});

test('TR-08: an answer comes at the rate that is set', async () => {
  const body = 'x'.repeat(20 * 1_024);
  const { port, under } = await faulty(
    { responseRateLimit: { fixedLimit: { limitKbps: 10 }, percentage: always } },
    { body },
  );
  const client = rawClient(port);
  client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await under.until(() => client.received.includes('\r\n\r\n'));
  const bytes = () => client.received.length - client.received.indexOf('\r\n\r\n') - 4;
  under.advance(1_000);
  await under.until(() => bytes() > 9_500);
  expect(bytes()).toBeLessThan(11_300);
  while (bytes() < body.length) {
    under.advance(100);
    await new Promise(setImmediate);
  }
  expect((await client.response()).body).toBe(body);
});

test('what cannot be done is refused by path', () => {
  const fault = {
    delay: { percentage: always },
    abort: { httpStatus: 700 },
    responseRateLimit: { fixedLimit: { limitKbps: 0 } },
    filterMetadata: { a: 1 },
  };
  expect(filterProblems(packed(HTTPFault, fault))).toEqual([
    'http_filters[0].typed_config.filter_metadata: not supported',
    'http_filters[0].typed_config.delay: one of fixed_delay and header_delay must be set',
    'http_filters[0].typed_config.abort.http_status: 700 is not from 200 to 599',
    'http_filters[0].typed_config.response_rate_limit.fixed_limit.limit_kbps: must be above 0',
  ]);
});
