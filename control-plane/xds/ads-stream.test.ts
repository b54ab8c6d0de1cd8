import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type TypeUrl, typeUrls } from './resource.ts';
import type { AdsTestClient } from './test-client.ts';
import { AdsTestServer } from './test-server.ts';

const { cluster, endpoint, listener, route, secret } = typeUrls;

let server: AdsTestServer;

beforeEach(async () => {
  server = await AdsTestServer.start();
});

afterEach(() => {
  expect(server.close()).toEqual([]);
});

function bytesOf(client: AdsTestClient, type: TypeUrl): string[] {
  return [...(client.resources.get(type)?.values() ?? [])].map((resource) => resource.value.toString()).sort();
}

function stateOf(type: TypeUrl): string {
  const [connection] = server.connections;
  return connection?.status(type).state ?? 'no connection';
}

describe.each(['sotw', 'delta'] as const)('%s', (form) => {
  test('a wildcard client gets every cluster and then what changes', async () => {
    server.set('cluster a=1 b=1');
    const client = server.connect(form);
    client.subscribe(cluster);
    await client.until(() => client.names(cluster).length === 2);
    server.set('cluster a=1 b=2 c=1');
    await client.until(() => client.names(cluster).length === 3);
    expect(bytesOf(client, cluster)).toEqual(['a=1', 'b=2', 'c=1']);
    server.set('cluster a=1 b=2');
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
    server.set('cluster');
    const client = server.connect(form);
    client.subscribe(cluster);
    await client.until(() => client.responses.length === 1);
    expect(client.names(cluster)).toEqual([]);
  });

  test('named resources come alone, and later ones when they come to exist', async () => {
    server.set('endpoint a=1 b=1');
    const client = server.connect(form);
    client.subscribe(endpoint, ['a', 'later']);
    await client.until(() => client.names(endpoint).length === 1);
    server.set('endpoint a=1 b=2 later=1');
    await client.until(() => client.names(endpoint).length === 2);
    expect(bytesOf(client, endpoint)).toEqual(['a=1', 'later=1']);
    expect(client.responses.at(-1)?.names).toEqual(['later']);
  });

  test('a dropped name is not sent any more', async () => {
    server.set('endpoint a=1 b=1');
    const client = server.connect(form);
    client.subscribe(endpoint, ['a', 'b']);
    await client.until(() => client.names(endpoint).length === 2);
    client.unsubscribe(endpoint, ['b']);
    await server.settled();
    server.set('endpoint a=2 b=2');
    await client.until(() => bytesOf(client, endpoint).includes('a=2'));
    expect(client.responses.at(-1)?.names).toEqual(['a']);
  });

  test('XD-07: an explicit `*` is a wildcard, and an empty list after names is nothing', async () => {
    server.set('cluster a=1', 'endpoint');
    const client = server.connect(form);
    client.subscribe(cluster, ['*']);
    await client.until(() => client.names(cluster).length === 1);
    client.unsubscribe(cluster, ['*']);
    await server.settled();
    server.set('cluster a=2 b=1', 'endpoint');
    await server.settled();
    expect(client.responses.filter(({ typeUrl }) => typeUrl === cluster)).toHaveLength(1);
  });

  test('XD-05: an unknown nonce is no answer and changes nothing', async () => {
    server.set('cluster a=1');
    const client = server.connect(form);
    client.hold(cluster);
    client.subscribe(cluster);
    await client.until(() => client.responses.length === 1);
    client.sendNonce(cluster, 'made-up');
    server.set('cluster a=2');
    await server.settled();
    expect(stateOf(cluster)).toBe('STALE');
    client.release(cluster);
    await client.until(() => bytesOf(client, cluster).includes('a=2'));
  });

  test('XD-18: while a response is unanswered nothing else of its type is sent, and then only the latest', async () => {
    server.set('cluster a=1');
    const client = server.connect(form);
    client.hold(cluster);
    client.subscribe(cluster);
    await client.until(() => client.responses.length === 1);
    for (const version of [2, 3, 4]) server.set(`cluster a=${version}`);
    await server.settled();
    expect(client.responses.filter(({ typeUrl }) => typeUrl === cluster)).toHaveLength(1);
    client.release(cluster);
    await client.until(() => bytesOf(client, cluster).includes('a=4'));
    expect(client.responses.filter(({ typeUrl }) => typeUrl === cluster)).toHaveLength(2);
  });

  test('XD-06: what was refused is not sent again until it changes; the refusal is counted and shown', async () => {
    server.set('listener a=1');
    const client = server.connect(form);
    client.subscribe(listener);
    await client.until(() => client.names(listener).length === 1);
    client.refuseNext(listener, 'port 80 is taken');
    server.set('listener a=2');
    await client.until(() => client.responses.length === 2);
    await server.settled();
    server.set('listener a=2');
    await server.settled();
    expect(client.responses.filter(({ typeUrl }) => typeUrl === listener)).toHaveLength(2);
    expect(server.nacks).toEqual(['LDS 1 port 80 is taken']);
    const [connection] = server.connections;
    expect(connection?.status(listener)).toMatchObject({ state: 'NACK', nacks: 1, error: 'port 80 is taken' });

    server.set('listener a=3');
    await client.until(() => bytesOf(client, listener).includes('a=3'));
    await server.settled();
    expect(connection?.status(listener)).toMatchObject({ state: 'SYNCED', nacks: 1, error: '' });
  });

  test('after a refusal the former version is sent again, for the client may have taken parts', async () => {
    server.set('cluster a=1 b=1');
    const client = server.connect(form);
    client.subscribe(cluster);
    await client.until(() => client.names(cluster).length === 2);
    client.refuseNext(cluster, 'no');
    server.set('cluster a=2 b=2');
    await client.until(() => server.nacks.length === 1 || client.responses.length === 2);
    server.set('cluster a=1 b=2');
    await client.until(() => client.responses.length === 3);
    expect(client.responses.at(-1)?.names).toContain('a');
  });

  test('P-39: a client that comes back is not sent again what it has', async () => {
    server.set('cluster a=1 b=1', 'endpoint a=1');
    const client = server.connect(form);
    client.subscribe(cluster);
    client.subscribe(endpoint, ['a']);
    await client.until(() => client.names(cluster).length === 2 && client.names(endpoint).length === 1);
    await client.endStream();
    const before = client.responses.length;
    client.open();
    client.subscribe(cluster);
    client.subscribe(endpoint, ['a']);
    await server.settled();
    const again = client.responses.slice(before);
    expect(again.flatMap(({ names }) => names)).toEqual([]);
    server.set('cluster a=2 b=1', 'endpoint a=1');
    await client.until(() => bytesOf(client, cluster).includes('a=2'));
  });

  test('P-36: clusters and endpoints come before routes, and are removed only after the routes left them', async () => {
    server.set('cluster old=1', 'endpoint old=1', 'listener l=1', 'route r=old');
    const client = server.connect(form);
    client.subscribe(cluster);
    client.subscribe(endpoint, ['old']);
    client.subscribe(listener);
    client.subscribe(route, ['r']);
    await client.until(() => client.names(route).length === 1 && client.names(listener).length === 1);
    const before = client.responses.length;
    server.set('cluster new=1', 'endpoint new=1', 'listener l=1', 'route r=new');
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
    server.set('cluster a=1', 'listener l=1');
    const client = server.connect(form);
    client.hold(cluster);
    client.subscribe(cluster);
    client.subscribe(listener);
    await client.until(() => client.responses.length === 1);
    await server.settled();
    expect(client.responses.map(({ typeUrl }) => typeUrl)).toEqual([cluster]);
    client.release(cluster);
    await client.until(() => client.names(listener).length === 1);
  });

  test('while routes stand refused, the clusters that they may still use stay', async () => {
    server.set('cluster old=1', 'route r=old');
    const client = server.connect(form);
    client.subscribe(cluster);
    client.subscribe(route, ['r']);
    await client.until(() => client.names(route).length === 1 && client.names(cluster).length === 1);
    client.refuseNext(route, 'bad route');
    server.set('cluster new=1', 'route r=new');
    await client.until(() => client.responses.filter(({ typeUrl }) => typeUrl === route).length === 2);
    await server.settled();
    expect(client.names(cluster)).toEqual(['new', 'old']);
    server.set('cluster new=1', 'route r=fixed');
    await client.until(() => client.names(cluster).join() === 'new');
  });

  test('XD-02: a type that nobody knows is a subscription to nothing', async () => {
    server.set('secret');
    const client = server.connect(form);
    client.subscribe('type.googleapis.com/unknown' as TypeUrl);
    await server.settled();
    expect(client.responses).toEqual([]);
  });
});

test('delta: a name that does not exist is answered as removed, once', async () => {
  server.set('endpoint');
  const client = server.connect('delta');
  client.subscribe(endpoint, ['nobody']);
  await client.until(() => client.responses.length === 1);
  expect(client.responses[0]).toMatchObject({ names: [], removed: ['nobody'] });
  server.set('endpoint other=1');
  await server.settled();
  expect(client.responses.filter(({ typeUrl }) => typeUrl === endpoint)).toHaveLength(1);
});

test('delta: a client that comes back hears of what was removed meanwhile', async () => {
  server.set('cluster a=1 b=1');
  const client = server.connect('delta');
  client.subscribe(cluster);
  await client.until(() => client.names(cluster).length === 2);
  await client.endStream();
  server.set('cluster a=1');
  client.open();
  client.subscribe(cluster);
  await client.until(() => client.names(cluster).length === 1);
  expect(client.responses.at(-1)).toMatchObject({ names: [], removed: ['b'] });
});

test('XD-20: delta: dropping what was never asked for, and adding and dropping a name at once, do nothing', async () => {
  server.set('endpoint a=1');
  const client = server.connect('delta');
  client.subscribe(endpoint, ['a']);
  await client.until(() => client.names(endpoint).length === 1);
  client.unsubscribe(endpoint, ['never']);
  client.subscribe(endpoint, ['b']);
  client.unsubscribe(endpoint, ['b']);
  await server.settled();
  server.set('endpoint a=1 b=1');
  await server.settled();
  expect(client.names(endpoint)).toEqual(['a']);
});

test('sotw: a changed cluster brings its endpoints again, for which Envoy waits but does not ask', async () => {
  server.set('cluster a=1', 'endpoint a=1');
  const client = server.connect('sotw');
  client.subscribe(cluster);
  await client.until(() => client.names(cluster).length === 1);
  client.subscribe(endpoint, ['a']);
  await client.until(() => client.names(endpoint).length === 1);
  server.set('cluster a=2', 'endpoint a=1');
  await client.until(() => client.responses.filter(({ typeUrl }) => typeUrl === endpoint).length === 2);
});
