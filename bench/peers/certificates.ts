import fs from 'node:fs';
import path from 'node:path';
import { makeServerCertificate } from '../../test/harness/certificates.ts';

/** Files for mutual TLS between the peers: one ECDSA P-256 certificate, its own authority, as client and as server. */
export async function makeMutualTlsFiles(
  folder: string,
): Promise<{ ca: string; certificate: string; key: string; bundle: string }> {
  const files = {
    ca: path.join(folder, 'ca.pem'),
    certificate: path.join(folder, 'certificate.pem'),
    key: path.join(folder, 'key.pem'),
    bundle: path.join(folder, 'bundle.pem'),
  };
  if (fs.existsSync(files.bundle)) return files;
  const { chainPem, privateKeyPem } = await makeServerCertificate('app.bench');
  fs.writeFileSync(files.ca, chainPem);
  fs.writeFileSync(files.certificate, chainPem);
  fs.writeFileSync(files.key, privateKeyPem);
  fs.writeFileSync(files.bundle, `${chainPem}\n${privateKeyPem}`);
  return files;
}
