import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { openTestState, type TestState } from './test-state.ts';

const clock = new FakeClock();
let state: TestState;
beforeEach(() => {
  state = openTestState(clock);
});
afterEach(() => state.dispose());

const request = { namespace: 'shop', serviceAccount: 'cart', ttlSeconds: 60 };

test('a token is good for one use, until it expires', () => {
  const { tokens } = state;
  const { token, expiresAt } = tokens.create(request);
  expect(expiresAt).toBe(clock.wallTime() + 60_000);
  expect(tokens.redeem(token)).toEqual({ namespace: 'shop', serviceAccount: 'cart' });
  expect(tokens.redeem(token)).toBeUndefined();

  const late = tokens.create(request).token;
  clock.advance(60_000);
  expect(tokens.redeem(late)).toBeUndefined();
});

test('what is no token is refused, whatever it holds', () => {
  for (const text of ['', 'x', 'hjt_', "' OR 1=1 --", '\0', 'x'.repeat(1_000_000)]) {
    expect(state.tokens.redeem(text)).toBeUndefined();
  }
});

test('the database holds no token, only its hash', () => {
  const { token } = state.tokens.create(request);
  state.store.close();
  const database = new DatabaseSync(`${state.directory}/state.db`, { readOnly: true });
  const rows = database.prepare('SELECT * FROM tokens').all();
  database.close();
  const [row] = rows as { hash: Uint8Array }[];
  expect(rows).toHaveLength(1);
  expect(JSON.stringify(rows)).not.toContain(token);
  expect(row!.hash.length).toBe(32);
});
