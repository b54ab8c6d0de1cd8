import http from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { createLog } from '../../lib/log.ts';
import { HealthCheck } from '../../proto/gen/envoy/extensions/filters/http/health_check/v3/health_check.ts';
import { cluster, httpServer, rawClient, request, route, TestProxy, tcpServer } from '../../test/harness/data-path.ts';
import { httpFilter, packed } from '../../test/harness/http-filters.ts';
import type { ConfiguredFilter } from '../http-filter-config.ts';
import type { Direction } from '../observe/stream-info.ts';
import type { ForwardAction } from '../route/route-table.ts';
import { defaultOverload, type OverloadConfig } from './overload-config.ts';
import { OverloadManager } from './overload-manager.ts';
import type { ResourceReadings } from './resource-readings.ts';

/** Readings that the test sets. */
class SetReadings implements ResourceReadings {
  memory = 0;
  lagMs = 0;
  file = '0';
  readonly memoryLimitBytes = 1_000_000;

  residentBytes(): number {
    return this.memory * this.memoryLimitBytes;
  }

  heapShare(): number {
    return 0;
  }

  loopLagMs(): number {
    return this.lagMs;
  }

  readFile(): string {
    return this.file;
  }

  close(): void {}
}

async function pressed(
  options: {
    direction?: Direction;
    action?: Partial<ForwardAction>;
    filters?: readonly ConfiguredFilter[];
    config?: OverloadConfig;
  } = {},
) {
  const { port: upstream } = await httpServer((_, outgoing) => outgoing.end('served'));
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [upstream]));
  const port = await under.listen('app', {
    routes: [route('app', options.action)],
    filters: options.filters ?? [],
    ...(options.direction === undefined ? {} : { direction: options.direction }),
  });
  const readings = new SetReadings();
  const logged: string[] = [];
  const manager = new OverloadManager(options.config ?? defaultOverload, {
    state: under.overload,
    target: under.proxy,
    readings,
    wheel: under.wheel,
    log: createLog((line) => logged.push(line)),
  });
  manager.start();
  onTestFinished(() => manager.close());
  const at = (memory: number) => {
    readings.memory = memory;
    under.advance(260);
  };
  const status = async (headers: Record<string, string> = {}) => (await request(port, '/', { headers })).status;
  const metric = (name: string, labels: Record<string, string> = {}) =>
    manager
      .families()
      .find((family) => family.name === name)
      ?.collect()
      .find((sample) => Object.entries(labels).every(([key, value]) => sample.labels[key] === value))?.value;
  return { under, port, at, status, readings, manager, logged, metric };
}

test('L-74: stages come in order at 75, 85, 92 and 95 %, and go a little below, so that none flaps', async () => {
  const { at, under, metric, logged } = await pressed();
  const stages = () =>
    [
      metric('heddle_overload_action', { action: 'reduce_timeouts' }) === 0 ? '' : 'idle',
      under.overload.disableKeepAlive ? 'keep-alive' : '',
      under.overload.shedBelow >= 2 ? 'shed' : '',
      under.overload.refuseConnections ? 'refuse' : '',
    ].filter((name) => name !== '');
  const seen = [];
  for (const memory of [0.5, 0.76, 0.86, 0.925, 0.96, 0.94, 0.925, 0.84, 0.82, 0.72]) {
    at(memory);
    seen.push(stages());
  }
  expect(seen).toEqual([
    [],
    ['idle'],
    ['idle', 'keep-alive'],
    ['idle', 'keep-alive', 'shed'],
    ['idle', 'keep-alive', 'shed', 'refuse'],
    ['idle', 'keep-alive', 'shed', 'refuse'],
    ['idle', 'keep-alive', 'shed'],
    ['idle', 'keep-alive'],
    ['idle'],
    [],
  ]);
  expect(logged.filter((line) => line.includes('overload-begins')).length).toBe(5);
  expect(logged.filter((line) => line.includes('overload-ends')).length).toBe(5);
  expect(metric('heddle_overload_begun_total', { action: 'stop_accepting_connections' })).toBe(1);
});

test('P-09: idle connections are closed early, those at work are not', async () => {
  const { port, at, under } = await pressed();
  const idle = rawClient(port).send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await idle.response();
  let asked = false;
  const silent = await tcpServer((socket) => {
    socket.on('data', () => {
      asked = true;
    });
  });
  under.proxy.setCluster(cluster('app', [silent]));
  const busy = rawClient(port).send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await under.until(() => asked);
  under.advance(10_000);
  at(0.91);
  await under.until(() => idle.ended);
  expect(busy.ended).toBe(false);
});

test('P-09: from 85 % on a connection ends with the answer that it waits for', async () => {
  const { port, at } = await pressed();
  const client = rawClient(port);
  client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  expect((await client.response()).get('connection')).toBeUndefined();
  at(0.86);
  client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  const last = await client.response();
  expect([last.status, last.get('connection')]).toEqual([200, 'close']);
});

test('P-09: at 92 % requests are answered 503 and told when to come again', async () => {
  const { port, at, metric } = await pressed();
  at(0.925);
  const { status, headers, body } = await request(port, '/', { method: 'POST', body: 'x'.repeat(100_000) });
  expect([status, headers['retry-after'], headers['x-heddle-reason'], body]).toEqual([503, '1', 'overloaded', '']);
  const grpc = await request(port, '/', { method: 'POST', headers: { 'content-type': 'application/grpc' } });
  expect([grpc.status, grpc.headers['grpc-status']]).toEqual([200, '14']);
  expect(metric('heddle_overload_shed_total')).toBe(2);
  at(0.5);
  expect((await request(port, '/')).status).toBe(200);
});

test('P-51: a stream that has begun is not shed', async () => {
  const { port, at } = await pressed();
  const client = rawClient(port);
  client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab');
  await new Promise(setImmediate);
  const before = request(port, '/');
  expect((await before).status).toBe(200);
  at(0.93);
  client.send('cd');
  expect((await client.response()).status).toBe(200);
});

test('RS-16: the lowest class is shed first, the highest never, and health checks as little', async () => {
  const { at, status } = await pressed();
  const classes = async () => {
    const served = [];
    for (const priority of ['low', 'default', 'high', 'critical']) {
      if ((await status({ 'x-heddle-priority': priority })) === 200) served.push(priority);
    }
    return served.join(' ');
  };
  at(0.895);
  expect(await classes()).toBe('default high critical');
  expect(await status()).toBe(200);
  at(0.925);
  expect(await classes()).toBe('high critical');
  expect(await status()).toBe(503);
  at(0.945);
  expect(await classes()).toBe('critical');
  expect(await status({ 'user-agent': 'kube-probe/1.30' })).toBe(200);
});

test('RS-16: a health check that a filter answers is never shed, also at the edge', async () => {
  const check = { passThroughMode: false, headers: [{ name: ':path', stringMatch: { exact: '/healthz' } }] };
  const { port, at } = await pressed({
    direction: 'gateway',
    filters: [httpFilter('health', packed(HealthCheck, check))],
  });
  at(0.945);
  expect([(await request(port, '/healthz')).status, (await request(port, '/')).status]).toEqual([200, 503]);
});

test('RS-16: at the edge a stranger cannot raise himself; the route can', async () => {
  const stranger = await pressed({ direction: 'gateway' });
  stranger.at(0.925);
  expect(await stranger.status({ 'x-heddle-priority': 'critical', 'user-agent': 'kube-probe/1' })).toBe(503);
  const important = await pressed({ direction: 'gateway', action: { priority: 'high' } });
  important.at(0.925);
  expect(await important.status()).toBe(200);
});

test('P-09: at 95 % connections are refused, and a client that does not read is reset', async () => {
  const { port, at, under, metric } = await pressed();
  const endless = await tcpServer((socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n');
    const chunk = Buffer.alloc(65_536);
    const fill = () => {
      while (socket.writable && socket.write(chunk));
    };
    socket.on('drain', fill);
    fill();
  });
  under.proxy.setCluster(cluster('app', [endless]));
  const slow = rawClient(port);
  slow.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await under.until(() => slow.received.length > 0);
  slow.socket.pause();
  await under.until(() => {
    at(0.96);
    return metric('heddle_overload_reset_total') === 1;
  });
  const late = rawClient(port);
  await under.until(() => late.closed || late.ended);
  expect(metric('heddle_overload_refused_connections_total')).toBeGreaterThan(0);
  await under.until(() => under.observer.streams.length === 1);
  at(0.5);
  expect(under.overload.refuseConnections).toBe(false);
});

test('L-75: an event loop that is late for a second sheds; one long turn does not', async () => {
  const { under, readings, status } = await pressed();
  under.advance(1_100);
  readings.lagMs = 2_000;
  under.advance(250);
  readings.lagMs = 0;
  under.advance(1_000);
  expect(under.overload.shedBelow).toBe(0);
  readings.lagMs = 210;
  under.advance(1_100);
  expect(under.overload.shedBelow).toBe(2);
  expect(await status()).toBe(503);
  readings.lagMs = 10;
  under.advance(300);
  expect(await status()).toBe(200);
});

test('a file may tell a pressure; what it holds else changes nothing and is told once', async () => {
  const config: OverloadConfig = {
    refreshMs: 100,
    monitors: [{ kind: 'injected', name: 'file', file: '/pressure' }],
    actions: [
      { kind: 'disable_http_keepalive', triggers: [{ kind: 'threshold', resource: 'file', value: 0.5 }] },
      { kind: 'shrink_heap', triggers: [] },
    ],
  };
  const { under, readings, logged } = await pressed({ config });
  readings.file = '0.7\n';
  under.advance(150);
  expect(under.overload.disableKeepAlive).toBe(true);
  readings.file = 'seven';
  under.advance(300);
  expect(under.overload.disableKeepAlive).toBe(true);
  expect(logged.filter((line) => line.includes('cannot be read')).length).toBe(1);
});

test('P-50: when the pressure is gone everything is served again', async () => {
  const { port, at } = await pressed();
  const agent = new http.Agent({ keepAlive: true });
  onTestFinished(() => agent.destroy());
  for (const memory of [0.8, 0.9, 0.97, 0.94, 0.8, 0.6]) at(memory);
  const answers = await Promise.all(Array.from({ length: 20 }, () => request(port, '/', { agent })));
  expect(answers.map(({ status }) => status)).toEqual(new Array(20).fill(200));
});
