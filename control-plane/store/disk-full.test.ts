import fs from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { Database } from './database.ts';
import { SqliteStore } from './sqlite-store.ts';
import { StoreError } from './store-error.ts';
import { makeTestDirectory, testService } from './test-state.ts';

let database: Database | undefined;
const directory = makeTestDirectory();
afterEach(() => {
  database?.close();
  fs.rmSync(directory, { recursive: true });
});

test('P-41: on a full disk a write fails with its reason, changes nothing, and works again when there is room', () => {
  database = new Database(`${directory}/state.db`);
  const store = new SqliteStore(database, new FakeClock());
  store.put(testService('before'), 'api');
  const pages = Number(database.sql('PRAGMA page_count').get()?.page_count);
  database.sql(`PRAGMA max_page_count = ${pages + 2}`).get();
  const told: unknown[] = [];
  store.watch((changes) => told.push(changes));

  const large = testService('large', 'shop', { note: 'x'.repeat(100_000) });
  const error = catchError(() => store.put(large, 'api'));
  expect(error).toBeInstanceOf(StoreError);
  expect((error as StoreError).code).toBe('disk-full');
  expect(store.list().map(({ resource }) => resource.metadata.name)).toEqual(['before']);
  expect(told).toEqual([]);

  database.sql('PRAGMA max_page_count = 100000').get();
  expect(store.put(large, 'api').action).toBe('created');
});

function catchError(fn: () => unknown): unknown {
  try {
    fn();
  } catch (error) {
    return error;
  }
  return undefined;
}
