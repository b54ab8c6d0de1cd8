import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '../../lib/clock.ts';
import type { Database } from './database.ts';

/** Single-use join tokens. Only their SHA-256 is kept, so that a copy of the database is no way in. */
export interface TokenStore {
  /** `expiresAt` in milliseconds since the epoch. Durable before it returns. */
  create(token: { namespace: string; serviceAccount: string; ttlSeconds: number }): {
    token: string;
    expiresAt: number;
  };
  /** Uses the token up; `undefined` when it is unknown, expired or used. Durable before it returns. */
  redeem(token: string): { namespace: string; serviceAccount: string } | undefined;
}

/** Longest token looked at; ours have 47 characters. */
const maxTokenLength = 256;
const keptAfterExpiryMs = 24 * 3_600_000;

export class SqliteTokenStore implements TokenStore {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  create(request: { namespace: string; serviceAccount: string; ttlSeconds: number }): {
    token: string;
    expiresAt: number;
  } {
    const token = `hjt_${randomBytes(32).toString('base64url')}`;
    const now = this.#clock.wallTime();
    const expiresAt = now + request.ttlSeconds * 1_000;
    this.#database.transaction(() => {
      this.#database.sql('DELETE FROM tokens WHERE expires_at < ?').run(now - keptAfterExpiryMs);
      this.#database
        .sql('INSERT INTO tokens (hash, namespace, service_account, expires_at) VALUES (?, ?, ?, ?)')
        .run(digest(token), request.namespace, request.serviceAccount, expiresAt);
    });
    return { token, expiresAt };
  }

  redeem(token: string): { namespace: string; serviceAccount: string } | undefined {
    if (token.length > maxTokenLength) return undefined;
    const now = this.#clock.wallTime();
    // One conditional UPDATE: of two callers with the same token, exactly one gets the row.
    const row = this.#database.transaction(() =>
      this.#database
        .sql(
          `UPDATE tokens SET used_at = ?1 WHERE hash = ?2 AND used_at IS NULL AND expires_at > ?1
           RETURNING namespace, service_account`,
        )
        .get(now, digest(token)),
    );
    if (row === undefined) return undefined;
    return { namespace: String(row.namespace), serviceAccount: String(row.service_account) };
  }
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
