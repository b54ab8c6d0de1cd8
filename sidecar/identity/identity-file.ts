import type { SealedFile } from '../bootstrap/sealed-file.ts';
import type { Identity } from './certificate-request.ts';

/** Keeps the identity over a restart, so that a valid certificate needs no new join token. */
export class IdentityFile {
  readonly #file: SealedFile;

  constructor(file: SealedFile) {
    this.#file = file;
  }

  /** The stored identity, when there is one that is still valid at `now` (milliseconds since the epoch). */
  read(now: number): Identity | undefined {
    const stored = this.#file.read();
    if (!stored.ok) return undefined;
    const parsed: unknown = JSON.parse(stored.contents.toString('utf8'));
    return isIdentity(parsed) && parsed.notAfter > now ? parsed : undefined;
  }

  write(identity: Identity): void {
    this.#file.write(Buffer.from(JSON.stringify(identity)));
  }
}

function isIdentity(value: unknown): value is Identity {
  if (typeof value !== 'object' || value === null) return false;
  const fields = value as Readonly<Record<string, unknown>>;
  const texts = ['spiffeId', 'trustDomain', 'namespace', 'serviceAccount', 'chainPem', 'privateKeyPem', 'rootsPem'];
  const times = ['notBefore', 'notAfter'];
  return (
    texts.every((name) => typeof fields[name] === 'string') && times.every((name) => typeof fields[name] === 'number')
  );
}
