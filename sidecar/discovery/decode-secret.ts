import { createPrivateKey, X509Certificate } from 'node:crypto';
import { parseTrustBundle } from '../../certs/trust-bundle.ts';
import type { DataSource } from '../../proto/gen/envoy/config/core/v3/base.ts';
import {
  CertificateValidationContext,
  TlsCertificate,
} from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/common.ts';
import type { Secret as SecretMessage } from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/secret.ts';
import type { Secret } from '../tls/secret.ts';
import { fieldsOf } from './message-fields.ts';
import { type Decoded, join, Reader } from './reader.ts';

export const certificateFields = fieldsOf(TlsCertificate, { supported: ['certificateChain', 'privateKey'] });

export const validationFields = fieldsOf(CertificateValidationContext, {
  supported: ['trustedCa'],
  place: 'in a Secret',
});

/** Reads a Secret (security.md XD-14). `now` is milliseconds since the epoch; problems never quote key material. */
export function decodeSecret(message: SecretMessage, trustDomain: string, now: number): Decoded<Secret> {
  const reader = new Reader();
  const name = reader.required('name', message.name);
  switch (message.type?.$case) {
    case 'tlsCertificate':
      return reader.finish(decodeCertificate(reader, name, message.type.value, now));
    case 'validationContext':
      return reader.finish(decodeValidation(reader, name, message.type.value, trustDomain));
    default:
      reader.problem('type', 'only tls_certificate and validation_context are supported');
      return { ok: false, problems: reader.problems };
  }
}

function decodeCertificate(reader: Reader, name: string, message: TlsCertificate, now: number): Secret {
  const path = 'tls_certificate';
  reader.only(path, message, certificateFields);
  const chainPem = readInline(reader, join(path, 'certificate_chain'), message.certificateChain);
  const privateKeyPem = readInline(reader, join(path, 'private_key'), message.privateKey);
  let notAfter = 0;
  try {
    const leaf = new X509Certificate(chainPem);
    notAfter = leaf.validToDate.getTime();
    if (notAfter < now) reader.problem(join(path, 'certificate_chain'), `expired ${leaf.validToDate.toISOString()}`);
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

function decodeValidation(
  reader: Reader,
  name: string,
  message: CertificateValidationContext,
  trustDomain: string,
): Secret {
  const path = 'validation_context';
  reader.only(path, message, validationFields);
  const rootsPem = readInline(reader, join(path, 'trusted_ca'), message.trustedCa);
  const bundle = parseTrustBundle(rootsPem);
  if (!bundle.ok) reader.problem(join(path, 'trusted_ca'), bundle.detail);
  return { kind: 'validation', name, trustDomain, rootsPem };
}

function readInline(reader: Reader, path: string, source: DataSource | undefined): string {
  const specifier = source?.specifier;
  if (specifier?.$case === 'inlineString') return specifier.value;
  if (specifier?.$case === 'inlineBytes') return specifier.value.toString('utf8');
  reader.problem(path, specifier === undefined ? 'missing' : 'only inline_string and inline_bytes are supported');
  return '';
}
