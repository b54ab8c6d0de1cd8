import { once } from 'node:events';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../lib/clock.ts';
import { TimerWheel } from '../../../lib/timer-wheel.ts';
import {
  closedPort,
  cluster,
  httpServer,
  request,
  TestProxy,
  tcpServer,
  until,
} from '../../../test/harness/data-path.ts';
import { defaultSpread } from '../cluster-config.ts';
import { EndpointCheck, type Verdict } from './endpoint-check.ts';
import type { HealthCheckConfig, HttpProbeConfig } from './health-check-config.ts';
import { containsInOrder, type Probe, type ProbeResult } from './probe.ts';

const http: HttpProbeConfig = {
  kind: 'http',
  protocol: 'http1',
  method: 'GET',
  host: '',
  path: '/healthz',
  body: undefined,
  receive: [],
  maxBodyBytes: 1_024,
  headers: [],
  withoutHeaders: [],
  expectedStatuses: [[200, 201]],
  retriableStatuses: [],
};

const check: HealthCheckConfig = {
  probe: http,
  timeoutMs: 2_000,
  intervalMs: 1_000,
  noTrafficIntervalMs: 1_000,
  noTrafficHealthyIntervalMs: 1_000,
  unhealthyIntervalMs: 1_000,
  unhealthyEdgeIntervalMs: 1_000,
  healthyEdgeIntervalMs: 1_000,
  initialJitterMs: 0,
  intervalJitterMs: 0,
  intervalJitterPercent: 0,
  unhealthyThreshold: 3,
  healthyThreshold: 2,
  port: undefined,
  reuseConnection: true,
  logFailures: false,
};

const spread = { ...defaultSpread, panicThresholdPercent: 0 };

/** A cluster under checks; `verdicts` waits until the endpoints have these, letting time pass. */
function start(ports: readonly number[], more: Partial<HealthCheckConfig> = {}) {
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', ports, { healthCheck: { ...check, ...more }, spread }));
  const healthy = () => under.proxy.describe().clusters[0]?.endpoints.map((one) => one.available) ?? [];
  const verdicts = async (...wanted: boolean[]) => {
    await until(() => {
      under.advance(100);
      return JSON.stringify(healthy()) === JSON.stringify(wanted);
    });
  };
  return { under, healthy, verdicts };
}

describe('RS-11: over HTTP', () => {
  test('a server that fails its check gets no request until it passes again; nothing is sent before the first check', async () => {
    let well = true;
    const seen: string[] = [];
    const asked: string[] = [];
    const server = async (name: string) =>
      (
        await httpServer((incoming, outgoing) => {
          if (incoming.url === '/healthz') {
            asked.push(`${incoming.method} ${incoming.headers.host} ${incoming.headers['user-agent']}`);
            outgoing.statusCode = name === 'b' && !well ? 500 : 200;
          } else seen.push(name);
          outgoing.end(name);
        })
      ).port;
    const { under, healthy, verdicts } = start([await server('a'), await server('b')]);
    expect(healthy()).toEqual([false, false]);
    const port = await under.listen('app');
    expect((await request(port, '/')).status).toBe(503);
    await verdicts(true, true);
    expect(asked[0]).toBe('GET app heddle-health-check');
    well = false;
    await verdicts(true, false);
    for (let i = 0; i < 6; i++) await request(port, '/');
    expect(seen).toEqual(['a', 'a', 'a', 'a', 'a', 'a']);
    well = true;
    await verdicts(true, true);
    for (let i = 0; i < 6; i++) await request(port, '/');
    expect(seen.slice(6).sort()).toEqual(['a', 'a', 'a', 'b', 'b', 'b']);
  });

  test('a killed server is taken out after three failures, and in again when it is back', async () => {
    const { port, server } = await httpServer((_incoming, outgoing) => void outgoing.end());
    const other = await httpServer((_incoming, outgoing) => void outgoing.end());
    const { verdicts } = start([port, other.port]);
    await verdicts(true, true);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await verdicts(false, true);
    server.listen(port, '127.0.0.1');
    await verdicts(true, true);
  });

  test('a connection serves several checks, or one where it is not to be used again', async () => {
    for (const reuseConnection of [true, false]) {
      let connections = 0;
      let checks = 0;
      const { port, server } = await httpServer((_incoming, outgoing) => {
        checks++;
        outgoing.end();
      });
      server.on('connection', () => connections++);
      const { under } = start([port], { reuseConnection });
      await until(() => {
        under.advance(100);
        return checks >= 4;
      });
      expect(connections === 1).toBe(reuseConnection);
    }
  });

  test('a server that hangs fails by the time-out', async () => {
    const hanging = await tcpServer(() => {});
    const { port } = await httpServer((_incoming, outgoing) => void outgoing.end());
    const { under, healthy } = start([hanging, port], { timeoutMs: 500 });
    await until(() => {
      under.advance(50);
      return healthy()[1] === true;
    });
    under.advance(1_000);
    expect(healthy()).toEqual([false, true]);
  });

  test('statuses, texts of the body and words of the server decide', async () => {
    const server = async (status: number, body: string, headers: Record<string, string> = {}) =>
      (
        await httpServer((_incoming, outgoing) => {
          outgoing.writeHead(status, headers);
          outgoing.end(body);
        })
      ).port;
    const { verdicts } = start(
      [
        await server(204, ''),
        await server(200, 'all is well here'),
        await server(200, 'here well'),
        await server(200, 'all well', { 'x-envoy-immediate-health-check-fail': 'true' }),
        await server(404, 'all well'),
      ],
      {
        probe: { ...http, receive: [Buffer.from('all'), Buffer.from('well')], expectedStatuses: [[200, 300]] },
      },
    );
    await verdicts(false, true, false, false, false);
  });

  test('a degraded server is used only when the healthy ones do not suffice', async () => {
    const server = async (headers: Record<string, string>) =>
      (
        await httpServer((_incoming, outgoing) => {
          outgoing.writeHead(200, headers);
          outgoing.end();
        })
      ).port;
    const { under, verdicts } = start([await server({}), await server({}), await server({ 'x-envoy-degraded': '' })]);
    await verdicts(true, true, true);
    expect(under.proxy.describe().clusters[0]?.endpoints.map(({ degraded }) => degraded)).toEqual([false, false, true]);
  });

  test('what is sent is as configured, to the port and host of the check', async () => {
    const heads: string[] = [];
    const { port } = await httpServer((incoming, outgoing) => {
      const { method, url, headers } = incoming;
      heads.push(`${method} ${url} ${headers.host} ${headers['x-check']} ${headers['user-agent']}`);
      outgoing.end();
    });
    const { verdicts } = start([await closedPort()], {
      port,
      probe: {
        ...http,
        method: 'HEAD',
        host: 'health.local',
        headers: [{ name: 'x-check', value: '1' }],
        withoutHeaders: ['user-agent'],
      },
    });
    await verdicts(true);
    expect(heads[0]).toBe('HEAD /healthz health.local 1 undefined');
  });
});

/** A server of prior-knowledge HTTP/2, by Node's own module. */
async function http2Server(onStream: (stream: http2.ServerHttp2Stream, path: string, body: Buffer) => void) {
  const sessions = new Set<http2.ServerHttp2Session>();
  const server = http2.createServer();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('error', () => {});
  });
  server.on('stream', (stream, headers) => {
    const chunks: Buffer[] = [];
    stream.on('error', () => {});
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => onStream(stream, String(headers[':path']), Buffer.concat(chunks)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, sessions };
}

describe('RS-11: over HTTP/2', () => {
  test('a plain check is sent over one connection', async () => {
    let checks = 0;
    const { port, sessions } = await http2Server((stream) => {
      checks++;
      stream.respond({ ':status': 200 }, { endStream: true });
    });
    const { under, verdicts } = start([port], { probe: { ...http, protocol: 'http2' } });
    await verdicts(true);
    await until(() => {
      under.advance(100);
      return checks >= 3;
    });
    expect(sessions.size).toBe(1);
  });

  test('gRPC: only SERVING is healthy, and the service is asked for by its name', async () => {
    const asked: string[] = [];
    const server = async (status: number, grpcStatus = '0') =>
      (
        await http2Server((stream, path, body) => {
          asked.push(`${path} ${body.subarray(7).toString()}`);
          stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
          stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': grpcStatus }));
          stream.end(Buffer.from([0, 0, 0, 0, 2, 8, status]));
        })
      ).port;
    const { under, healthy, verdicts } = start(
      [await server(1), await server(2), await server(1, '14'), await server(0, '12')],
      { probe: { kind: 'grpc', serviceName: 'shop.Cart', authority: '', headers: [] } },
    );
    await verdicts(true, false, false, false);
    await until(() => {
      under.advance(100);
      return new Set(asked).size === 1 && asked.length >= 8;
    });
    expect(healthy()).toEqual([true, false, false, false]);
    expect(asked[0]).toBe('/grpc.health.v1.Health/Check shop.Cart');
  });
});

describe('RS-11: over TCP', () => {
  test('a connection is enough, or what is expected must come', async () => {
    const echo = await tcpServer((socket) => {
      socket.on('data', (chunk) => socket.write(`+${chunk.toString().toUpperCase()}`));
    });
    const silent = await tcpServer(() => {});
    const plain = start([echo, silent, await closedPort()], {
      probe: { kind: 'tcp', send: Buffer.alloc(0), receive: [] },
    });
    await plain.verdicts(true, true, false);
    const asked = start([echo, silent], {
      timeoutMs: 500,
      probe: { kind: 'tcp', send: Buffer.from('ping'), receive: [Buffer.from('+'), Buffer.from('PING')] },
    });
    await asked.verdicts(true, false);
    asked.under.advance(2_000);
    expect(asked.healthy()).toEqual([true, false]);
  });
});

test('checks end with the endpoint, with the cluster, and with their configuration', async () => {
  let checks = 0;
  const { port } = await httpServer((_incoming, outgoing) => {
    checks++;
    outgoing.statusCode = 500;
    outgoing.end();
  });
  const { under } = start([port]);
  await until(() => {
    under.advance(100);
    return checks >= 2;
  });
  under.proxy.setCluster(cluster('app', [port], { spread }));
  expect(under.proxy.describe().clusters[0]?.endpoints[0]?.available).toBe(true);
  const after = checks;
  under.advance(10_000);
  const proxied = await under.listen('app');
  await request(proxied, '/');
  expect(checks).toBe(after + 1);
});

describe('thresholds and intervals', () => {
  /** Checks with the given results, one after the other; what the verdicts were, and how long it waited after each. */
  function run(config: Partial<HealthCheckConfig>, outcomes: ProbeResult['outcome'][], traffic = true) {
    const clock = new FakeClock();
    const wheel = new TimerWheel(10, 512, clock);
    const verdicts: Verdict[] = [];
    const times: number[] = [];
    const left = [...outcomes];
    const probe: Probe = {
      run: (onResult) => {
        times.push(clock.now());
        const outcome = left.shift();
        if (outcome !== undefined) onResult({ outcome, reason: 'test', detail: '' });
      },
      cancel: () => {},
      close: () => {},
    };
    const session = new EndpointCheck(
      { ...check, ...config },
      probe,
      { onVerdict: (verdict) => verdicts.push(verdict), onFailure: () => {}, hasTraffic: () => traffic },
      { wheel, random: () => 0.5 },
    );
    session.start();
    while (left.length > 0) {
      clock.advance(10);
      wheel.tick();
    }
    clock.advance(100);
    session.close();
    wheel.close();
    return { verdicts, waits: times.slice(1).map((at, i) => at - (times[i] ?? 0)) };
  }

  test('the first check decides alone, later ones by the thresholds', () => {
    expect(run({}, ['healthy', 'failed', 'failed', 'healthy', 'failed', 'failed', 'failed']).verdicts).toEqual([
      'healthy',
      'unhealthy',
    ]);
    expect(run({}, ['failed', 'healthy', 'failed', 'healthy', 'healthy']).verdicts).toEqual(['unhealthy', 'healthy']);
    expect(run({}, ['healthy', 'unhealthy']).verdicts).toEqual(['healthy', 'unhealthy']);
    expect(run({}, ['healthy', 'degraded', 'healthy']).verdicts).toEqual(['healthy', 'degraded', 'healthy']);
  });

  test('intervals depend on health, on edges and on traffic, with jitter', () => {
    const config = {
      intervalMs: 1_000,
      unhealthyIntervalMs: 2_000,
      unhealthyEdgeIntervalMs: 3_000,
      healthyEdgeIntervalMs: 4_000,
      noTrafficIntervalMs: 5_000,
      noTrafficHealthyIntervalMs: 6_000,
      unhealthyThreshold: 1,
      healthyThreshold: 1,
    };
    expect(run(config, ['healthy', 'healthy', 'failed', 'failed', 'healthy', 'healthy']).waits).toEqual([
      1_000, 1_000, 3_000, 2_000, 4_000,
    ]);
    expect(run(config, ['healthy', 'failed', 'failed'], false).waits).toEqual([6_000, 5_000]);
    expect(run({ intervalJitterPercent: 20, intervalJitterMs: 400 }, ['healthy', 'healthy']).waits).toEqual([1_300]);
  });
});

test('blocks are found one after the other', () => {
  const found = (text: string, ...blocks: string[]) =>
    containsInOrder(
      Buffer.from(text),
      blocks.map((one) => Buffer.from(one)),
    );
  expect(found('a-b-c', 'a', 'c')).toBe(true);
  expect(found('a-b-c', 'c', 'a')).toBe(false);
  expect(found('aa', 'a', 'a', 'a')).toBe(false);
  expect(found('', '')).toBe(true);
});
