import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

const algorithm = 'aes-256-gcm';
const ivBytes = 12;
const tagBytes = 16;
const keyBytes = 32;
const magic = Buffer.from('heddle1\n');

/** Why a sealed file was not used. */
export type SealedFault = 'missing' | 'tampered' | 'unreadable';

/**
 * A file only its owner can read, and whose every change is noticed (security.md XD-21, L-96): AES-256-GCM under
 * a key kept beside it in the state directory, bound to the proxy it belongs to. Written to a temporary file,
 * synced and renamed, so that a crash leaves the old one or the new one.
 */
export class SealedFile {
  readonly #file: string;
  readonly #keyFile: string;
  readonly #owner: Buffer;

  /** `owner` names the proxy; a file of another one is taken for tampered. */
  constructor(directory: string, name: string, owner: string) {
    this.#file = path.join(directory, name);
    this.#keyFile = path.join(directory, 'state.key');
    this.#owner = Buffer.from(`${name}\0${owner}`);
  }

  /** The contents, or why there are none. */
  read(): { ok: true; contents: Buffer } | { ok: false; fault: SealedFault } {
    let sealed: Buffer;
    let key: Buffer;
    try {
      sealed = fs.readFileSync(this.#file);
      key = fs.readFileSync(this.#keyFile);
    } catch (error) {
      const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
      return { ok: false, fault: missing ? 'missing' : 'unreadable' };
    }
    const body = sealed.subarray(magic.length);
    const short = body.length < ivBytes + tagBytes || key.length !== keyBytes;
    if (short || !sealed.subarray(0, magic.length).equals(magic)) return { ok: false, fault: 'tampered' };
    try {
      const decipher = createDecipheriv(algorithm, key, body.subarray(0, ivBytes));
      decipher.setAAD(this.#owner);
      decipher.setAuthTag(body.subarray(ivBytes, ivBytes + tagBytes));
      const contents = Buffer.concat([decipher.update(body.subarray(ivBytes + tagBytes)), decipher.final()]);
      return { ok: true, contents };
    } catch {
      return { ok: false, fault: 'tampered' };
    }
  }

  /** Replaces the contents. Throws what the file system throws. */
  write(contents: Buffer): void {
    const iv = randomBytes(ivBytes);
    const cipher = createCipheriv(algorithm, this.#key(), iv);
    cipher.setAAD(this.#owner);
    const encrypted = Buffer.concat([cipher.update(contents), cipher.final()]);
    writeAtomically(this.#file, Buffer.concat([magic, iv, cipher.getAuthTag(), encrypted]));
  }

  #key(): Buffer {
    try {
      const key = fs.readFileSync(this.#keyFile);
      if (key.length === keyBytes) return key;
    } catch {
      // Made below.
    }
    fs.mkdirSync(path.dirname(this.#keyFile), { recursive: true, mode: 0o700 });
    const key = randomBytes(keyBytes);
    writeAtomically(this.#keyFile, key);
    return key;
  }
}

function writeAtomically(file: string, contents: Buffer): void {
  const temporary = `${file}.${randomBytes(4).toString('hex')}.tmp`;
  const descriptor = fs.openSync(temporary, 'wx', 0o600);
  try {
    fs.writeSync(descriptor, contents);
    fs.fsyncSync(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
  fs.renameSync(temporary, file);
}
