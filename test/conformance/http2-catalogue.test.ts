import { once } from 'node:events';
import tls from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeServerCertificate } from '../harness/certificates.ts';
import * as h2 from '../harness/http2-frames.ts';
import { Http2Peer } from '../harness/http2-peer.ts';
import { until } from '../harness/process.ts';
import { RecordingHttp2Upstream } from '../harness/recording-http2-upstream.ts';
import type { StaticProxy } from '../harness/static-proxy.ts';
import { startBench } from './bench.ts';
import { type BadInput, badInputs } from './http2-inputs.ts';

// Every input of the catalogue that HTTP/2 refuses, through whole gateways: over plaintext and over TLS, before an
// upstream that speaks HTTP/1 and one that speaks HTTP/2. Both upstreams keep what they get.

const bench = startBench();
let twin: RecordingHttp2Upstream;
const gateways: { name: string; proxy: StaticProxy; encrypted: boolean }[] = [];

beforeAll(async () => {
  twin = await RecordingHttp2Upstream.start();
  const certificate = await makeServerCertificate('a.test');
  const encryption = {
    secrets: [{ kind: 'certificate', name: 'web', notAfter: 0, ...certificate }] as const,
    tls: {
      certificateSecret: 'web',
      validationSecret: undefined,
      requireClientCertificate: false,
      allowedIds: [],
      minVersion: 'TLSv1.2' as const,
      alpnProtocols: ['h2', 'http/1.1'],
    },
  };
  for (const encrypted of [false, true]) {
    for (const protocol of ['http1', 'http2'] as const) {
      const proxy = await bench.keep({
        upstreams: [protocol === 'http1' ? bench.upstream.port : twin.port],
        cluster: { protocol },
        ...(encrypted ? encryption : {}),
      });
      gateways.push({ name: `${encrypted ? 'TLS' : 'plaintext'} to ${protocol}`, proxy, encrypted });
    }
  }
});
afterAll(async () => {
  await twin.close();
  expect(twin.violations).toEqual([]);
});

async function connect({ proxy, encrypted }: (typeof gateways)[number]): Promise<Http2Peer> {
  if (!encrypted) return Http2Peer.connect(proxy.port);
  const options = { host: '127.0.0.1', port: proxy.port, servername: 'a.test', ALPNProtocols: ['h2'] };
  const socket = tls.connect({ ...options, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  expect(socket.alpnProtocol).toBe('h2');
  return new Http2Peer(socket).send(h2.greeting);
}

const seen = () => [...bench.upstream.requests, ...twin.requests];

/** A neighbour on a connection of its own is served, by whichever upstream (I4). */
async function canary(gateway: (typeof gateways)[number], where: string): Promise<void> {
  const before = seen().length;
  const client = await connect(gateway);
  client.send(h2.headers(1, h2.changed(h2.get, { ':path': '/canary' })));
  const { payload } = await client.frame(h2.FrameType.data, 1);
  expect(payload.toString(), where).toBe('GET /canary');
  expect(seen().length, where).toBe(before + 1);
  client.destroy();
}

async function meet(gateway: (typeof gateways)[number], input: BadInput): Promise<void> {
  const { proxy, name } = gateway;
  const where = `${input.name}, ${name}`;
  await canary(gateway, where);
  const [bytes, streams, count, all] = [
    bench.upstream.bytes,
    twin.requests.length,
    await proxy.refused(input.reason),
    await proxy.refused(),
  ];
  const client = await connect(gateway);
  client.send(...input.frames);
  if (input.answer === 'go-away') await client.goAway();
  else if (input.answer === 'reset') await client.reset(1);
  else {
    const { payload } = await client.frame(h2.FrameType.data, 1);
    expect(JSON.parse(payload.toString()), where).toMatchObject({ status: input.answer, reason: input.reason });
  }
  if (input.late === true) {
    // The head may have gone on: then what there is of the request is given up, and never whole.
    const unfinished = () => bench.upstream.connections.filter(({ pending, closed }) => pending !== '' && !closed);
    await until(
      () => unfinished().length === 0 && twin.requests.every(({ closed }) => closed),
      `what went on to be reset: ${where}`,
    );
    expect(
      twin.requests.slice(streams).filter(({ whole }) => whole),
      where,
    ).toEqual([]);
  } else {
    expect([bench.upstream.bytes, twin.requests.length], where).toEqual([bytes, streams]);
  }
  expect(await proxy.refused(input.reason), where).toBe(count + 1);
  // Eleven streams are refused one by one before they are too many.
  expect(await proxy.refused(), where).toBe(all + (input.name.startsWith('H2-22') ? 12 : 1));
  await canary(gateway, where);
  client.destroy();
}

test.each(badInputs.map((input) => [input.name, input] as const))('%s: refused by whole gateways', async (_, input) => {
  for (const gateway of gateways) await meet(gateway, input);
  const whole = bench.upstream.requests.filter(({ target }) => target !== '/canary');
  expect(whole).toEqual([]);
  twin.clear();
});

test('each reason was logged, on every gateway', () => {
  for (const { proxy } of gateways) {
    for (const reason of new Set(badInputs.map((input) => input.reason))) {
      expect(proxy.logged.some((line) => line.includes(`"reason":"${reason}"`))).toBe(true);
    }
  }
});
