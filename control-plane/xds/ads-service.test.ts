import { once } from 'node:events';
import { ChannelCredentials, Client, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DeltaDiscoveryRequest } from '../../proto/gen/envoy/service/discovery/v3/discovery.ts';
import { maxStreamsPerNode } from './ads-service.ts';
import { typeUrls } from './resource.ts';
import { AdsTestServer } from './test-server.ts';

const { cluster } = typeUrls;

let server: AdsTestServer;

beforeEach(async () => {
  server = await AdsTestServer.start();
});

afterEach(() => {
  expect(server.close()).toEqual([]);
});

describe.each(['sotw', 'delta'] as const)('%s', (form) => {
  test('XD-17: a node that the identity may not be, a huge one or none at all ends the stream', async () => {
    const foreign = server.connect(form, 'cart-1.bank');
    foreign.subscribe(cluster);
    await foreign.until(() => foreign.status !== undefined);
    expect(foreign.status).toEqual({
      code: status.PERMISSION_DENIED,
      details: 'cart-1.bank is not of namespace shop',
    });
    const huge = server.connect(form, `${'a'.repeat(20_000)}.shop`);
    huge.subscribe(cluster);
    await huge.until(() => huge.status !== undefined);
    expect(huge.status?.code).toBe(status.INVALID_ARGUMENT);
    const nameless = server.connect(form, '');
    nameless.subscribe(cluster);
    await nameless.until(() => nameless.status !== undefined);
    expect(nameless.status?.details).toContain('must name its node');
  });

  test('XD-18: a fifth stream of one node is refused, and a place is free again when one ends', async () => {
    server.set('cluster a=1');
    const open = Array.from({ length: maxStreamsPerNode }, () => server.connect(form));
    for (const client of open) client.subscribe(cluster);
    await Promise.all(open.map((client) => client.until(() => client.names(cluster).length === 1)));
    const fifth = server.connect(form);
    fifth.subscribe(cluster);
    await fifth.until(() => fifth.status !== undefined);
    expect(fifth.status?.code).toBe(status.RESOURCE_EXHAUSTED);
    await open[0]?.endStream();
    fifth.open();
    fifth.subscribe(cluster);
    await fifth.until(() => fifth.names(cluster).length === 1);
  });

  test('XD-18: a client that answers nothing for 60 s loses its stream', async () => {
    server.set('cluster a=1');
    const client = server.connect(form);
    client.hold(cluster);
    client.subscribe(cluster);
    await client.until(() => client.responses.length === 1);
    server.clock.advance(59_000);
    server.wheel.tick();
    expect(server.connections.size).toBe(1);
    server.clock.advance(2_000);
    server.wheel.tick();
    await client.until(() => client.status !== undefined);
    expect(client.status?.code).toBe(status.DEADLINE_EXCEEDED);
    expect(server.connections.size).toBe(0);
  });
});

function rawCall() {
  const client = new Client(`127.0.0.1:${server.port}`, ChannelCredentials.createInsecure());
  const raw = (bytes: Buffer) => bytes;
  const path = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';
  const call = client.makeBidiStreamRequest(path, raw, raw);
  call.on('data', () => {});
  call.on('error', () => {});
  return {
    call,
    ended: new Promise<status>((resolve) => call.on('status', (end) => resolve(end.code))),
    close: () => client.close(),
  };
}

test('XD-01: bytes that are no request end the stream with INVALID_ARGUMENT', async () => {
  const { call, ended, close } = rawCall();
  call.write(Buffer.from([0x0a, 0xff, 0xff]));
  expect(await ended).toBe(status.INVALID_ARGUMENT);
  close();
});

test('L-91: a first message over 64 KiB is refused, but what a client brings along does not count', async () => {
  server.set('cluster');
  const names = Array.from({ length: 3_000 }, (_, index) => `outbound|80||service-${index}.shop.svc.cluster.local`);
  const request = (parts: object) =>
    Buffer.from(
      DeltaDiscoveryRequest.encode(
        DeltaDiscoveryRequest.fromPartial({ node: { id: 'cart-1.shop' }, typeUrl: cluster, ...parts }),
      ).finish(),
    );
  const refused = rawCall();
  refused.call.write(request({ resourceNamesSubscribe: names }));
  expect(await refused.ended).toBe(status.INVALID_ARGUMENT);
  refused.close();

  // Nor does the list of extensions that a stock Envoy sends.
  const extensions = Array.from({ length: 2_000 }, (_, index) => ({ name: `envoy.filters.http.extension-${index}` }));
  const taken = rawCall();
  const answer = once(taken.call, 'data');
  const initialResourceVersions = Object.fromEntries(names.map((name) => [name, 'v']));
  taken.call.write(request({ node: { id: 'cart-1.shop', extensions }, initialResourceVersions }));
  await answer;
  taken.call.cancel();
  taken.close();
});

test('L-91: a stream on which nothing is asked within 5 s ends', async () => {
  const opened = new Promise<void>((resolve) => {
    server.onStream = resolve;
  });
  const { ended, close } = rawCall();
  await opened;
  server.clock.advance(5_200);
  server.wheel.tick();
  expect(await ended).toBe(status.DEADLINE_EXCEEDED);
  close();
});
