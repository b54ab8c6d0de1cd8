import type { Secret, SecretSource } from '../tls/secret.ts';

/** Keeps the secrets of one proxy by name: its own identity, and what SDS brought. Holds them in memory only. */
export class SecretStore implements SecretSource {
  readonly #secrets = new Map<string, Secret>();
  readonly #listeners = new Map<string, Set<(secret: Secret) => void>>();
  readonly #anyListeners = new Set<(name: string) => void>();

  get(name: string): Secret | undefined {
    return this.#secrets.get(name);
  }

  names(): string[] {
    return [...this.#secrets.keys()];
  }

  /** Stores a secret and tells those who wait for it; one equal to the present one changes nothing. */
  set(secret: Secret): void {
    if (sameSecret(this.#secrets.get(secret.name), secret)) return;
    this.#secrets.set(secret.name, secret);
    for (const listener of [...(this.#listeners.get(secret.name) ?? [])]) listener(secret);
    for (const listener of [...this.#anyListeners]) listener(secret.name);
  }

  /** Forgets a secret; who uses it keeps the last value. */
  delete(name: string): void {
    this.#secrets.delete(name);
  }

  subscribe(name: string, listener: (secret: Secret) => void): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(name) === listeners) this.#listeners.delete(name);
    };
  }

  /** Calls `listener` with the name of every secret that arrives or changes. */
  onChange(listener: (name: string) => void): () => void {
    this.#anyListeners.add(listener);
    return () => this.#anyListeners.delete(listener);
  }
}

function sameSecret(one: Secret | undefined, other: Secret): boolean {
  if (one?.kind === 'certificate' && other.kind === 'certificate') {
    return one.chainPem === other.chainPem && one.privateKeyPem === other.privateKeyPem;
  }
  if (one?.kind === 'validation' && other.kind === 'validation') {
    return one.rootsPem === other.rootsPem && one.trustDomain === other.trustDomain;
  }
  return false;
}
