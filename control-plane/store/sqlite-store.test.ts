import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openState } from './open-state.ts';
import type { StoreChange } from './store.ts';
import { StoreError } from './store-error.ts';
import { openTestState, type TestState, testService } from './test-state.ts';

let state: TestState;
beforeEach(() => {
  state = openTestState();
});
afterEach(() => state.dispose());

test('an object is created, configured or unchanged; its generation follows the spec, its version every change', () => {
  const { store } = state;
  const first = store.put(testService('cart'), 'api');
  expect(first.action).toBe('created');
  expect(first.stored.resource.metadata).toMatchObject({ generation: 1, resourceVersion: '1' });
  expect(store.put(testService('cart'), 'api').action).toBe('unchanged');

  const labelled = { ...testService('cart'), metadata: { name: 'cart', namespace: 'shop', labels: { a: 'b' } } };
  expect(store.put(labelled, 'api').stored.resource.metadata).toMatchObject({ generation: 1, resourceVersion: '2' });
  const changed = store.put(testService('cart', 'shop', { ports: [{ port: 81 }] }), 'api');
  expect(changed.action).toBe('configured');
  expect(changed.stored.resource.metadata).toMatchObject({ generation: 2, resourceVersion: '3' });
  expect(changed.stored.resource.metadata.uid).toBe(first.stored.resource.metadata.uid);
  expect(store.get('Service', 'shop', 'cart')).toEqual(changed.stored);
});

test('a transaction keeps all of its writes or none, and tells of them once it is durable', () => {
  const { store } = state;
  const told: (readonly StoreChange[])[] = [];
  store.watch((changes) => told.push(changes));
  expect(() =>
    store.transaction(() => {
      store.put(testService('a'), 'api');
      store.put(testService('b'), 'api');
      throw new Error('no');
    }),
  ).toThrow('no');
  expect([store.list(), told, store.resourceVersion]).toEqual([[], [], 0]);
  store.transaction(() => {
    store.put(testService('a'), 'api');
    store.put(testService('b'), 'api');
    store.delete('Service', 'shop', 'a');
    expect(told).toEqual([]);
  });
  expect(told).toHaveLength(1);
  expect(told[0]?.map(({ name, stored }) => [name, stored !== undefined])).toEqual([
    ['b', true],
    ['a', false],
  ]);
});

test('a listener that writes does not make another listener see changes out of order', () => {
  const { store } = state;
  const seen: string[] = [];
  store.watch((changes) => {
    if (changes.some(({ name, stored }) => name === 'a' && stored === undefined)) store.put(testService('a'), 'again');
  });
  store.watch((changes) => seen.push(...changes.map(({ stored }) => stored?.source ?? 'deleted')));
  store.put(testService('a'), 'api');
  store.delete('Service', 'shop', 'a');
  expect(seen).toEqual(['api', 'deleted', 'again']);
});

test('the last 20 versions of an object are kept, also after it was deleted', () => {
  const { store } = state;
  for (let port = 1; port <= 30; port++) store.put(testService('cart', 'shop', { ports: [{ port }] }), 'api');
  store.delete('Service', 'shop', 'cart');
  const history = store.history('Service', 'shop', 'cart');
  expect(history).toHaveLength(20);
  expect(history[0]?.resource).toBeUndefined();
  expect(history[1]?.resource?.spec).toMatchObject({ ports: [{ port: 30 }] });
  expect(history[19]?.resource?.spec).toMatchObject({ ports: [{ port: 12 }] });
});

test('L-101: state files are for their owner alone, and a looser one is refused', () => {
  const file = path.join(state.directory, 'state.db');
  const modes = fs
    .readdirSync(state.directory)
    .map((name) => fs.statSync(path.join(state.directory, name)).mode & 0o777);
  expect(new Set(modes)).toEqual(new Set([0o600]));
  expect(fs.statSync(state.directory).mode & 0o777).toBe(0o700);
  state.store.close();
  fs.chmodSync(file, 0o644);
  expect(() => openState(state.directory, state.clock)).toThrow(/others may read it; run: chmod 600/);
  fs.chmodSync(file, 0o600);
  state = { ...state, ...openState(state.directory, state.clock) };
});

test('a second control plane on the same state is refused', () => {
  expect(() => openState(state.directory, state.clock)).toThrow(/another control plane uses this state directory/);
});

test('P-40: a damaged database is an error, never an empty mesh', () => {
  for (let i = 0; i < 200; i++) state.store.put(testService(`s${i}`), 'api');
  state.store.close();
  const file = path.join(state.directory, 'state.db');
  const bytes = fs.readFileSync(file);
  bytes.fill(0x55, 4_096 * 2, 4_096 * 20);
  fs.writeFileSync(file, bytes);
  expect(() => openState(state.directory, state.clock)).toThrow(StoreError);
  fs.writeFileSync(file, 'this is no database, whatever its name says'.repeat(100));
  expect(() => openState(state.directory, state.clock)).toThrow(/is damaged/);
});
