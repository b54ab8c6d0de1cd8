import { createPrivateKey, X509Certificate } from 'node:crypto';
import { parseTrustBundle } from '../../certs/trust-bundle.ts';
import {
  CertificateValidationContext,
  TlsCertificate,
} from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/common.ts';
import type { Secret as SecretMessage } from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/secret.ts';
import type { CertificateSecret, Secret, ValidationSecret } from '../tls/secret.ts';
import type { DecodeContext } from './decode-context.ts';
import { decodeDataSource } from './decode-data-source.ts';
import { fieldsOf } from './message-fields.ts';
import { type Decoded, join, Reader } from './reader.ts';

export const certificateFields = fieldsOf(TlsCertificate, { supported: ['certificateChain', 'privateKey'] });

export const validationFields = fieldsOf(CertificateValidationContext, {
  supported: ['trustedCa'],
  place: 'in a Secret',
});

/** Reads a Secret (security.md XD-14). Problems never quote key material. */
export function decodeSecret(message: SecretMessage, context: DecodeContext): Decoded<Secret> {
  const reader = new Reader(context);
  const name = reader.required('name', message.name);
  switch (message.type?.$case) {
    case 'tlsCertificate':
      return reader.finish<Secret>(readCertificate(reader, 'tls_certificate', name, message.type.value));
    case 'validationContext': {
      const path = 'validation_context';
      reader.only(path, message.type.value, validationFields);
      return reader.finish<Secret>(readRoots(reader, path, name, message.type.value));
    }
    default:
      reader.problem('type', 'only tls_certificate and validation_context are supported');
      return { ok: false, problems: reader.problems };
  }
}

/** Reads a certificate with its key. */
export function readCertificate(
  reader: Reader,
  path: string,
  name: string,
  message: TlsCertificate,
): CertificateSecret {
  reader.only(path, message, certificateFields);
  const before = reader.problems.length;
  const chainPem = decodeDataSource(reader, join(path, 'certificate_chain'), message.certificateChain).toString('utf8');
  const privateKeyPem = decodeDataSource(reader, join(path, 'private_key'), message.privateKey).toString('utf8');
  let notAfter = 0;
  // What could not be read is told already.
  if (reader.problems.length > before) return { kind: 'certificate', name, chainPem, privateKeyPem, notAfter };
  try {
    const leaf = new X509Certificate(chainPem);
    notAfter = leaf.validToDate.getTime();
    if (notAfter < reader.context.now) {
      reader.problem(join(path, 'certificate_chain'), `expired ${leaf.validToDate.toISOString()}`);
    }
    if (!matchesKey(leaf, privateKeyPem)) {
      reader.problem(join(path, 'private_key'), 'cannot be read, or is not the key of the certificate');
    }
  } catch {
    reader.problem(join(path, 'certificate_chain'), 'no certificate in PEM');
  }
  return { kind: 'certificate', name, chainPem, privateKeyPem, notAfter };
}

function matchesKey(leaf: X509Certificate, privateKeyPem: string): boolean {
  try {
    return leaf.checkPrivateKey(createPrivateKey(privateKeyPem));
  } catch {
    return false;
  }
}

/** Reads the roots of a validation context; what else it says is up to the caller. */
function readRoots(
  reader: Reader,
  path: string,
  name: string,
  message: CertificateValidationContext,
): ValidationSecret {
  const at = join(path, 'trusted_ca');
  const before = reader.problems.length;
  const rootsPem = decodeDataSource(reader, at, message.trustedCa).toString('utf8');
  const bundle = parseTrustBundle(rootsPem);
  if (!bundle.ok && reader.problems.length === before) reader.problem(at, bundle.detail);
  return { kind: 'validation', name, trustDomain: reader.context.trustDomain, rootsPem };
}
