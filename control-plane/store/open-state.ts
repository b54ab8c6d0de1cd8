import path from 'node:path';
import type { Clock } from '../../lib/clock.ts';
import { Database } from './database.ts';
import { SqliteStore } from './sqlite-store.ts';
import { prepareStateDirectory } from './state-directory.ts';
import type { Store } from './store.ts';
import { SqliteTokenStore, type TokenStore } from './token-store.ts';

/** The durable state of a control plane. Closing the store closes both. */
export interface State {
  readonly store: Store;
  readonly tokens: TokenStore;
}

/** Opens `<stateDir>/state.db`, making it when there is none. Throws a StoreError that says what is wrong. */
export function openState(stateDir: string, clock: Clock): State {
  prepareStateDirectory(stateDir);
  const database = new Database(path.join(stateDir, 'state.db'));
  return { store: new SqliteStore(database, clock), tokens: new SqliteTokenStore(database, clock) };
}
