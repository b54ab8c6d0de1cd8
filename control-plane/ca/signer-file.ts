import { X509Certificate } from 'node:crypto';
import fs from 'node:fs';
import { derToPem, pemToDer } from '../../certs/trust-bundle.ts';
import { readPrivateKey, type Signer } from './issue-certificate.ts';

/** A CA file that must not be used, with what to do about it. */
export class SignerFileError extends Error {
  override readonly name = 'SignerFileError';
}

/**
 * Reads a CA key and its certificate from one PEM file; undefined when there is none. Throws {@link SignerFileError}
 * when others than its owner may read it (security.md P-29), or when it is damaged.
 */
export function readSignerFile(file: string): Signer | undefined {
  let text: string;
  try {
    const { mode } = fs.statSync(file);
    if ((mode & 0o077) !== 0) {
      throw new SignerFileError(`${file} holds a CA key but others may read it; run: chmod 600 ${file}`);
    }
    text = fs.readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const privateKey = readPrivateKey(text);
  const [certificateDer] = pemToDer(text);
  if (privateKey === undefined || certificateDer === undefined || !belongTogether(certificateDer, privateKey)) {
    throw new SignerFileError(`${file} is damaged: no CA key with its certificate; restore it from a backup`);
  }
  return { privateKey, certificateDer };
}

/** Writes both into one file, 0600, so that after a crash there is the old pair or the new one. */
export function writeSignerFile(file: string, { privateKey, certificateDer }: Signer): void {
  const text = `${privateKey.export({ format: 'pem', type: 'pkcs8' })}${derToPem(certificateDer)}`;
  const temporary = `${file}.new`;
  fs.rmSync(temporary, { force: true });
  const handle = fs.openSync(temporary, 'wx', 0o600);
  try {
    fs.writeFileSync(handle, text);
    fs.fsyncSync(handle);
  } finally {
    fs.closeSync(handle);
  }
  fs.renameSync(temporary, file);
}

function belongTogether(certificateDer: Buffer, privateKey: Signer['privateKey']): boolean {
  try {
    const certificate = new X509Certificate(certificateDer);
    return certificate.ca && certificate.checkPrivateKey(privateKey);
  } catch {
    return false;
  }
}
