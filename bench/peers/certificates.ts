import fs from 'node:fs';
import path from 'node:path';
import { TestAuthority } from '../../test/harness/authority.ts';

export interface MutualTlsFiles {
  ca: string;
  certificate: string;
  key: string;
  /** Certificate and key in one. */
  bundle: string;
}

/** SPIFFE id of both ends, for peers that check it; the others check the DNS name `app.bench`. */
export const spiffeId = 'spiffe://bench.local/ns/bench/sa/app';

/** Files for mutual TLS between the peers: one ECDSA P-256 X.509-SVID as client and as server, and its root. */
export async function makeMutualTlsFiles(folder: string): Promise<MutualTlsFiles> {
  const files = {
    ca: path.join(folder, 'ca.pem'),
    certificate: path.join(folder, 'certificate.pem'),
    key: path.join(folder, 'key.pem'),
    bundle: path.join(folder, 'bundle.pem'),
  };
  if (fs.existsSync(files.bundle)) return files;
  const authority = await TestAuthority.create('bench');
  const { pem, keyPem } = await authority.issue(spiffeId, { dns: ['app.bench'] });
  fs.writeFileSync(files.ca, authority.pem);
  fs.writeFileSync(files.certificate, pem);
  fs.writeFileSync(files.key, keyPem);
  fs.writeFileSync(files.bundle, `${pem}\n${keyPem}`);
  return files;
}
