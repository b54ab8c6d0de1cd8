import { createHash } from 'node:crypto';
import { parseSpiffeId } from '../../certs/spiffe-id.ts';
import { parseTrustBundle } from '../../certs/trust-bundle.ts';
import { CertificateValidationContext } from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/common.ts';
import { decodeDataSource } from './decode-data-source.ts';
import { inlinePrefix } from './decode-inline-secret.ts';
import { decodeExactIds } from './decode-server-names.ts';
import { fieldsOf } from './message-fields.ts';
import { join, type Reader } from './reader.ts';

export const clientValidationFields = fieldsOf(CertificateValidationContext, {
  supported: ['trustedCa', 'matchTypedSubjectAltNames'],
  limits: { matchTypedSubjectAltNames: 'exact URI names that are SPIFFE ids of one trust domain' },
  place: 'for clients',
});

/**
 * Reads how clients are verified by roots that are written here: to the SPIFFE letter, for the ids that are named.
 * Their trust domain is the one that the roots vouch for.
 */
export function decodeClientValidation(
  reader: Reader,
  path: string,
  context: CertificateValidationContext,
): { secret: string; ids: readonly string[] } {
  reader.only(path, context, clientValidationFields);
  const namesPath = join(path, 'match_typed_subject_alt_names');
  const ids = decodeExactIds(reader, path, context);
  if (ids.length === 0) reader.problem(namesPath, 'missing: name the SPIFFE ids that may connect');
  const domains = new Set<string>();
  for (const [index, id] of ids.entries()) {
    const parsed = parseSpiffeId(id);
    if (parsed.ok) domains.add(parsed.value.trustDomain);
    else if (id !== '') reader.problem(`${namesPath}[${index}].matcher.exact`, `no SPIFFE id: ${parsed.detail}`);
  }
  if (domains.size > 1) reader.problem(namesPath, `of several trust domains: ${[...domains].join(', ')}`);
  const [trustDomain = ''] = domains;
  const rootsPem = decodeDataSource(reader, join(path, 'trusted_ca'), context.trustedCa).toString('utf8');
  const bundle = parseTrustBundle(rootsPem);
  if (!bundle.ok && rootsPem !== '') reader.problem(join(path, 'trusted_ca'), bundle.detail);
  const name = `${inlinePrefix}${createHash('sha256').update(`${trustDomain}\0${rootsPem}`).digest('hex').slice(0, 32)}`;
  reader.findings.secrets.push({ kind: 'validation', name, trustDomain, rootsPem });
  return { secret: name, ids };
}
