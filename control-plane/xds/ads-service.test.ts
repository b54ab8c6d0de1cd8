import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import {
  ChannelCredentials,
  Client,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { TimerWheel } from '../../lib/timer-wheel.ts';
import { DeltaDiscoveryRequest } from '../../proto/gen/envoy/service/discovery/v3/discovery.ts';
import { type AdsConnection, adsService, maxStreamsPerNode } from './ads-service.ts';
import { type NodeResources, type TypeUrl, typeUrls, type XdsResource } from './resource.ts';
import { SnapshotCache } from './snapshot-cache.ts';
import { AdsTestClient } from './test-client.ts';

const { cluster, endpoint, listener, route, secret } = typeUrls;

/** Resources from lines like `cluster a=1 b=2`: the version stands in the bytes, so the server need not be trusted. */
function world(...lines: string[]): NodeResources {
  const types: Record<string, TypeUrl> = typeUrls;
  return new Map(
    lines.map((line) => {
      const [type = '', ...items] = line.split(' ');
      const map = new Map<string, XdsResource>();
      for (const item of items) {
        const [name = '', version = ''] = item.split('=');
        map.set(name, { name, version, bytes: Buffer.from(item) });
      }
      return [types[type] as TypeUrl, map];
    }),
  );
}

const clock = new FakeClock();
let wheel: TimerWheel;
let server: Server;
let port: number;
let cache: SnapshotCache;
let connections: Set<AdsConnection>;
let nacks: string[];
let clients: AdsTestClient[];
let onIdentify: () => void;
let received: number;
let written: number;

beforeEach(async () => {
  wheel = new TimerWheel(100, 64, clock);
  cache = new SnapshotCache();
  connections = new Set();
  nacks = [];
  clients = [];
  onIdentify = () => {};
  received = 0;
  written = 0;
  server = new Server({ 'grpc.max_receive_message_length': 1 << 24 });
  const { definition, implementation } = adsService({
    cache,
    clock,
    wheel,
    log: silentLog,
    identify: () => {
      onIdentify();
      return 'spiffe://cluster.local/ns/shop/sa/cart';
    },
    disconnect: () => {},
    admit: (node) =>
      node.id.endsWith('.shop')
        ? { ok: true, key: 'node', quota: node.id }
        : { ok: false, reason: `${node.id} is not of namespace shop` },
    onOpen: (_key, connection) => connections.add(connection),
    onClose: (_key, connection) => connections.delete(connection),
    onNack: (_connection, nack) => nacks.push(`${nack.type} ${nack.count} ${nack.error}`),
  });
  server.addService(definition, counted(implementation));
  port = await new Promise((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
});

afterEach(() => {
  const faults = clients.flatMap((client) => client.faults);
  for (const client of clients) client.close();
  server.forceShutdown();
  wheel.close();
  expect(faults).toEqual([]);
});

/** Counts what the server reads and writes. */
function counted(implementation: UntypedServiceImplementation): UntypedServiceImplementation {
  type Call = ServerDuplexStream<Buffer, Buffer>;
  type Handler = (call: Call) => void;
  return Object.fromEntries(
    Object.entries(implementation).map(([method, handler]) => [
      method,
      (call: Call) => {
        const write = call.write.bind(call);
        call.write = ((message: Buffer) => {
          written++;
          return write(message);
        }) as typeof call.write;
        (handler as Handler)(call);
        call.on('data', () => received++);
      },
    ]),
  );
}

/** Waits until nothing is under way between the clients and the server. */
async function settled(): Promise<void> {
  const total = (count: (client: AdsTestClient) => number) => clients.reduce((sum, client) => sum + count(client), 0);
  while (received !== total(({ sent }) => sent) || written !== total(({ responses }) => responses.length)) {
    await setImmediate();
  }
}

function connect(form: 'sotw' | 'delta', node = 'cart-1.shop'): AdsTestClient {
  const client = new AdsTestClient({
    form,
    port,
    node: { id: node },
    nameOf: (resource) => resource.value.toString().split('=')[0] ?? '',
  });
  clients.push(client);
  return client;
}

function bytesOf(client: AdsTestClient, type: TypeUrl): string[] {
  return [...(client.resources.get(type)?.values() ?? [])].map((resource) => resource.value.toString()).sort();
}

function stateOf(type: TypeUrl): string {
  const [connection] = connections;
  return connection?.status(type).state ?? 'no connection';
}

describe.each(['sotw', 'delta'] as const)('%s', (form) => {
  test('a wildcard client gets every cluster and then what changes', async () => {
    cache.set('node', world('cluster a=1 b=1'));
    const client = connect(form);
    client.subscribe(cluster);
    await client.until(() => client.names(cluster).length === 2);
    cache.set('node', world('cluster a=1 b=2 c=1'));
    await client.until(() => client.names(cluster).length === 3);
    expect(bytesOf(client, cluster)).toEqual(['a=1', 'b=2', 'c=1']);
    cache.set('node', world('cluster a=1 b=2'));
    await client.until(() => client.names(cluster).length === 2);
    expect(client.responses).toHaveLength(3);
    if (form === 'delta') {
      expect(client.responses.map(({ names, removed }) => [names, removed])).toEqual([
        [['a', 'b'], []],
        [['b', 'c'], []],
        [[], ['c']],
      ]);
    }
  });

  test('a wildcard client with nothing to get is answered, so that it need not wait', async () => {
    cache.set('node', world('cluster'));
    const client = connect(form);
    client.subscribe(cluster);
    await client.until(() => client.responses.length === 1);
    expect(client.names(cluster)).toEqual([]);
  });

  test('named resources come alone, and later ones when they come to exist', async () => {
    cache.set('node', world('endpoint a=1 b=1'));
    const client = connect(form);
    client.subscribe(endpoint, ['a', 'later']);
    await client.until(() => client.names(endpoint).length === 1);
    cache.set('node', world('endpoint a=1 b=2 later=1'));
    await client.until(() => client.names(endpoint).length === 2);
    expect(bytesOf(client, endpoint)).toEqual(['a=1', 'later=1']);
    expect(client.responses.at(-1)?.names).toEqual(['later']);
  });

  test('a dropped name is not sent any more', async () => {
    cache.set('node', world('endpoint a=1 b=1'));
    const client = connect(form);
    client.subscribe(endpoint, ['a', 'b']);
    await client.until(() => client.names(endpoint).length === 2);
    client.unsubscribe(endpoint, ['b']);
    await settled();
    cache.set('node', world('endpoint a=2 b=2'));
    await client.until(() => bytesOf(client, endpoint).includes('a=2'));
    expect(client.responses.at(-1)?.names).toEqual(['a']);
  });

  test('XD-07: an explicit `*` is a wildcard, and an empty list after names is nothing', async () => {
    cache.set('node', world('cluster a=1', 'endpoint'));
    const client = connect(form);
    client.subscribe(cluster, ['*']);
    await client.until(() => client.names(cluster).length === 1);
    client.unsubscribe(cluster, ['*']);
    await settled();
    cache.set('node', world('cluster a=2 b=1', 'endpoint'));
    await settled();
    expect(client.responses.filter(({ typeUrl }) => typeUrl === cluster)).toHaveLength(1);
  });

  test('XD-05: an unknown nonce is no answer and changes nothing', async () => {
    cache.set('node', world('cluster a=1'));
    const client = connect(form);
    client.hold(cluster);
    client.subscribe(cluster);
    await client.until(() => client.responses.length === 1);
    client.sendNonce(cluster, 'made-up');
    cache.set('node', world('cluster a=2'));
    await settled();
    expect(stateOf(cluster)).toBe('STALE');
    client.release(cluster);
    await client.until(() => bytesOf(client, cluster).includes('a=2'));
  });

  test('XD-18: while a response is unanswered nothing else of its type is sent, and then only the latest', async () => {
    cache.set('node', world('cluster a=1'));
    const client = connect(form);
    client.hold(cluster);
    client.subscribe(cluster);
    await client.until(() => client.responses.length === 1);
    for (const version of [2, 3, 4]) cache.set('node', world(`cluster a=${version}`));
    await settled();
    expect(client.responses.filter(({ typeUrl }) => typeUrl === cluster)).toHaveLength(1);
    client.release(cluster);
    await client.until(() => bytesOf(client, cluster).includes('a=4'));
    expect(client.responses.filter(({ typeUrl }) => typeUrl === cluster)).toHaveLength(2);
  });

  test('XD-06: what was refused is not sent again until it changes; the refusal is counted and shown', async () => {
    cache.set('node', world('listener a=1'));
    const client = connect(form);
    client.subscribe(listener);
    await client.until(() => client.names(listener).length === 1);
    client.refuseNext(listener, 'port 80 is taken');
    cache.set('node', world('listener a=2'));
    await client.until(() => client.responses.length === 2);
    await settled();
    cache.set('node', world('listener a=2'));
    await settled();
    expect(client.responses.filter(({ typeUrl }) => typeUrl === listener)).toHaveLength(2);
    expect(nacks).toEqual(['LDS 1 port 80 is taken']);
    const [connection] = connections;
    expect(connection?.status(listener)).toMatchObject({ state: 'NACK', nacks: 1, error: 'port 80 is taken' });

    cache.set('node', world('listener a=3'));
    await client.until(() => bytesOf(client, listener).includes('a=3'));
    await settled();
    expect(connection?.status(listener)).toMatchObject({ state: 'SYNCED', nacks: 1, error: '' });
  });

  test('after a refusal the former version is sent again, for the client may have taken parts', async () => {
    cache.set('node', world('cluster a=1 b=1'));
    const client = connect(form);
    client.subscribe(cluster);
    await client.until(() => client.names(cluster).length === 2);
    client.refuseNext(cluster, 'no');
    cache.set('node', world('cluster a=2 b=2'));
    await client.until(() => nacks.length === 1 || client.responses.length === 2);
    cache.set('node', world('cluster a=1 b=2'));
    await client.until(() => client.responses.length === 3);
    expect(client.responses.at(-1)?.names).toContain('a');
  });

  test('P-39: a client that comes back is not sent again what it has', async () => {
    cache.set('node', world('cluster a=1 b=1', 'endpoint a=1'));
    const client = connect(form);
    client.subscribe(cluster);
    client.subscribe(endpoint, ['a']);
    await client.until(() => client.names(cluster).length === 2 && client.names(endpoint).length === 1);
    await client.endStream();
    const before = client.responses.length;
    client.open();
    client.subscribe(cluster);
    client.subscribe(endpoint, ['a']);
    await settled();
    const again = client.responses.slice(before);
    expect(again.flatMap(({ names }) => names)).toEqual([]);
    cache.set('node', world('cluster a=2 b=1', 'endpoint a=1'));
    await client.until(() => bytesOf(client, cluster).includes('a=2'));
  });

  test('P-36: clusters and endpoints come before routes, and are removed only after the routes left them', async () => {
    cache.set('node', world('cluster old=1', 'endpoint old=1', 'listener l=1', 'route r=old'));
    const client = connect(form);
    client.subscribe(cluster);
    client.subscribe(endpoint, ['old']);
    client.subscribe(listener);
    client.subscribe(route, ['r']);
    await client.until(() => client.names(route).length === 1 && client.names(listener).length === 1);
    const before = client.responses.length;
    cache.set('node', world('cluster new=1', 'endpoint new=1', 'listener l=1', 'route r=new'));
    await client.until(() => client.names(cluster).join() === 'new');
    const kinds = { [cluster]: 'CDS', [listener]: 'LDS', [route]: 'RDS', [endpoint]: 'EDS', [secret]: 'SDS' };
    const steps = client.responses
      .slice(before)
      .map(({ typeUrl, names, removed }) => `${kinds[typeUrl]} ${[...names].sort().join()} -${removed.join()}`)
      .filter((step) => !step.startsWith('EDS'));
    expect(steps).toEqual(
      form === 'delta' ? ['CDS new -', 'RDS r -', 'CDS  -old'] : ['CDS new,old -', 'RDS r -', 'CDS new -old'],
    );
  });

  test('P-36: listeners wait until the clusters that they send to were taken', async () => {
    cache.set('node', world('cluster a=1', 'listener l=1'));
    const client = connect(form);
    client.hold(cluster);
    client.subscribe(cluster);
    client.subscribe(listener);
    await client.until(() => client.responses.length === 1);
    await settled();
    expect(client.responses.map(({ typeUrl }) => typeUrl)).toEqual([cluster]);
    client.release(cluster);
    await client.until(() => client.names(listener).length === 1);
  });

  test('while routes stand refused, the clusters that they may still use stay', async () => {
    cache.set('node', world('cluster old=1', 'route r=old'));
    const client = connect(form);
    client.subscribe(cluster);
    client.subscribe(route, ['r']);
    await client.until(() => client.names(route).length === 1 && client.names(cluster).length === 1);
    client.refuseNext(route, 'bad route');
    cache.set('node', world('cluster new=1', 'route r=new'));
    await client.until(() => client.responses.filter(({ typeUrl }) => typeUrl === route).length === 2);
    await settled();
    expect(client.names(cluster)).toEqual(['new', 'old']);
    cache.set('node', world('cluster new=1', 'route r=fixed'));
    await client.until(() => client.names(cluster).join() === 'new');
  });

  test('XD-17: a node that the identity may not be, a huge one or none at all ends the stream', async () => {
    const foreign = connect(form, 'cart-1.bank');
    foreign.subscribe(cluster);
    await foreign.until(() => foreign.status !== undefined);
    expect(foreign.status).toEqual({
      code: status.PERMISSION_DENIED,
      details: 'cart-1.bank is not of namespace shop',
    });
    const huge = connect(form, `${'a'.repeat(20_000)}.shop`);
    huge.subscribe(cluster);
    await huge.until(() => huge.status !== undefined);
    expect(huge.status?.code).toBe(status.INVALID_ARGUMENT);
    const nameless = connect(form, '');
    nameless.subscribe(cluster);
    await nameless.until(() => nameless.status !== undefined);
    expect(nameless.status?.details).toContain('must name its node');
  });

  test('XD-18: a fifth stream of one node is refused, and a place is free again when one ends', async () => {
    cache.set('node', world('cluster a=1'));
    const open = Array.from({ length: maxStreamsPerNode }, () => connect(form));
    for (const client of open) client.subscribe(cluster);
    await Promise.all(open.map((client) => client.until(() => client.names(cluster).length === 1)));
    const fifth = connect(form);
    fifth.subscribe(cluster);
    await fifth.until(() => fifth.status !== undefined);
    expect(fifth.status?.code).toBe(status.RESOURCE_EXHAUSTED);
    await open[0]?.endStream();
    fifth.open();
    fifth.subscribe(cluster);
    await fifth.until(() => fifth.names(cluster).length === 1);
  });

  test('XD-18: a client that answers nothing for 60 s loses its stream', async () => {
    cache.set('node', world('cluster a=1'));
    const client = connect(form);
    client.hold(cluster);
    client.subscribe(cluster);
    await client.until(() => client.responses.length === 1);
    clock.advance(59_000);
    wheel.tick();
    expect(connections.size).toBe(1);
    clock.advance(2_000);
    wheel.tick();
    await client.until(() => client.status !== undefined);
    expect(client.status?.code).toBe(status.DEADLINE_EXCEEDED);
    expect(connections.size).toBe(0);
  });

  test('XD-02: a type that nobody knows is a subscription to nothing', async () => {
    cache.set('node', world('secret'));
    const client = connect(form);
    client.subscribe('type.googleapis.com/unknown' as TypeUrl);
    await settled();
    expect(client.responses).toEqual([]);
  });
});

test('delta: a name that does not exist is answered as removed, once', async () => {
  cache.set('node', world('endpoint'));
  const client = connect('delta');
  client.subscribe(endpoint, ['nobody']);
  await client.until(() => client.responses.length === 1);
  expect(client.responses[0]).toMatchObject({ names: [], removed: ['nobody'] });
  cache.set('node', world('endpoint other=1'));
  await settled();
  expect(client.responses.filter(({ typeUrl }) => typeUrl === endpoint)).toHaveLength(1);
});

test('delta: a client that comes back hears of what was removed meanwhile', async () => {
  cache.set('node', world('cluster a=1 b=1'));
  const client = connect('delta');
  client.subscribe(cluster);
  await client.until(() => client.names(cluster).length === 2);
  await client.endStream();
  cache.set('node', world('cluster a=1'));
  client.open();
  client.subscribe(cluster);
  await client.until(() => client.names(cluster).length === 1);
  expect(client.responses.at(-1)).toMatchObject({ names: [], removed: ['b'] });
});

test('XD-20: delta: dropping what was never asked for, and adding and dropping a name at once, do nothing', async () => {
  cache.set('node', world('endpoint a=1'));
  const client = connect('delta');
  client.subscribe(endpoint, ['a']);
  await client.until(() => client.names(endpoint).length === 1);
  client.unsubscribe(endpoint, ['never']);
  client.subscribe(endpoint, ['b']);
  client.unsubscribe(endpoint, ['b']);
  await settled();
  cache.set('node', world('endpoint a=1 b=1'));
  await settled();
  expect(client.names(endpoint)).toEqual(['a']);
});

test('sotw: a changed cluster brings its endpoints again, for which Envoy waits but does not ask', async () => {
  cache.set('node', world('cluster a=1', 'endpoint a=1'));
  const client = connect('sotw');
  client.subscribe(cluster);
  await client.until(() => client.names(cluster).length === 1);
  client.subscribe(endpoint, ['a']);
  await client.until(() => client.names(endpoint).length === 1);
  cache.set('node', world('cluster a=2', 'endpoint a=1'));
  await client.until(() => client.responses.filter(({ typeUrl }) => typeUrl === endpoint).length === 2);
});

function rawCall() {
  const client = new Client(`127.0.0.1:${port}`, ChannelCredentials.createInsecure());
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
  cache.set('node', world('cluster'));
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

  const taken = rawCall();
  const answer = once(taken.call, 'data');
  taken.call.write(request({ initialResourceVersions: Object.fromEntries(names.map((name) => [name, 'v'])) }));
  await answer;
  taken.call.cancel();
  taken.close();
});

test('L-91: a stream on which nothing is asked within 5 s ends', async () => {
  const opened = new Promise<void>((resolve) => {
    onIdentify = resolve;
  });
  const { ended, close } = rawCall();
  await opened;
  clock.advance(5_200);
  wheel.tick();
  expect(await ended).toBe(status.DEADLINE_EXCEEDED);
  close();
});
