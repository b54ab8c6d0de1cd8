import { createHash, X509Certificate } from 'node:crypto';
import { getCACertificates } from 'node:tls';
import { pemToDer } from '../../certs/trust-bundle.ts';
import {
  CertificateValidationContext,
  SubjectAltNameMatcher,
  SubjectAltNameMatcher_SanType,
} from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/common.ts';
import { wholeString } from '../route/match-values.ts';
import type { ServerNameMatch } from '../tls/server-name-match.ts';
import { compileRegex } from './compile-regex.ts';
import { decodeDataSource } from './decode-data-source.ts';
import { inlinePrefix } from './decode-inline-secret.ts';
import { fieldsOf } from './message-fields.ts';
import { join, type Reader } from './reader.ts';

export const outsideValidationFields = fieldsOf(CertificateValidationContext, {
  supported: ['trustedCa', 'systemRootCerts', 'matchTypedSubjectAltNames'],
  place: 'in a TLS context',
});

export const defaultValidationFields = fieldsOf(CertificateValidationContext, {
  supported: ['matchTypedSubjectAltNames'],
  limits: {
    matchTypedSubjectAltNames:
      'exact URI names, which are SPIFFE ids; or other names only, which are those of servers outside the mesh',
  },
  place: 'as the default of a combined validation context',
});

export const nameMatcherFields = fieldsOf(SubjectAltNameMatcher, {
  supported: ['sanType', 'matcher'],
  limits: { sanType: '`DNS`, `URI`, `EMAIL`, `IP_ADDRESS`' },
});

/** Reads how a server outside the mesh is verified: by roots that are here, or the system's, and by its names. */
export function decodeOutsideValidation(
  reader: Reader,
  path: string,
  context: CertificateValidationContext,
): { secret: string; names: readonly ServerNameMatch[] } {
  reader.only(path, context, outsideValidationFields);
  return { secret: decodeRoots(reader, path, context), names: decodeNames(reader, path, context) };
}

/** Reads the names beside roots that come by SDS: URIs are SPIFFE ids and must be exact; names without any are those of servers outside. */
export function decodeDefaultNames(
  reader: Reader,
  path: string,
  context: CertificateValidationContext,
): { ids: string[]; serverNames: readonly ServerNameMatch[] | undefined } {
  reader.only(path, context, defaultValidationFields);
  const names = decodeNames(reader, path, context);
  if (names.length > 0 && names.every(({ type }) => type !== 'uri')) return { ids: [], serverNames: names };
  return { ids: exactIds(reader, path, names), serverNames: undefined };
}

/** Reads names that must all be exact URIs. */
export function decodeExactIds(reader: Reader, path: string, context: CertificateValidationContext): string[] {
  return exactIds(reader, path, decodeNames(reader, path, context));
}

function exactIds(reader: Reader, path: string, names: readonly ServerNameMatch[]): string[] {
  return names.map(({ type, match, ignoreCase }, index) => {
    if (type === 'uri' && match.kind === 'exact' && ignoreCase !== true) return match.value;
    reader.problem(join(path, `match_typed_subject_alt_names[${index}]`), 'only exact URI names are supported');
    return '';
  });
}

function decodeNames(reader: Reader, path: string, context: CertificateValidationContext): ServerNameMatch[] {
  return context.matchTypedSubjectAltNames.flatMap((message, index) =>
    decodeName(reader, join(path, `match_typed_subject_alt_names[${index}]`), message),
  );
}

const { DNS, URI, EMAIL, IP_ADDRESS } = SubjectAltNameMatcher_SanType;
const typeNames: ReadonlyMap<SubjectAltNameMatcher_SanType, ServerNameMatch['type']> = new Map([
  [DNS, 'dns' as const],
  [URI, 'uri' as const],
  [EMAIL, 'email' as const],
  [IP_ADDRESS, 'ip' as const],
]);

function decodeName(reader: Reader, path: string, message: SubjectAltNameMatcher): ServerNameMatch[] {
  reader.only(path, message, nameMatcherFields);
  const type = typeNames.get(message.sanType);
  const pattern = message.matcher?.matchPattern;
  if (type === undefined) {
    reader.problem(join(path, 'san_type'), 'must be DNS, URI, EMAIL or IP_ADDRESS');
    return [];
  }
  if (type === 'ip' && pattern?.$case !== 'exact') {
    reader.problem(join(path, 'matcher'), 'an IP address is compared exactly');
    return [];
  }
  const ignoreCase = message.matcher?.ignoreCase === true ? { ignoreCase: true } : {};
  switch (pattern?.$case) {
    case 'exact':
    case 'prefix':
    case 'suffix':
    case 'contains':
      return [{ type, match: { kind: pattern.$case, value: pattern.value }, ...ignoreCase }];
    case 'safeRegex': {
      const value = wholeString(compileRegex(reader, join(path, 'matcher.safe_regex'), pattern.value));
      return [{ type, match: { kind: 'regex', value } }];
    }
    default:
      reader.problem(join(path, 'matcher'), 'one of exact, prefix, suffix, contains and safe_regex must be set');
      return [];
  }
}

/** Makes a secret of the roots, named by their content. A root need not be as strict as ours for SPIFFE. */
function decodeRoots(reader: Reader, path: string, context: CertificateValidationContext): string {
  const rootsPem =
    context.systemRootCerts === undefined
      ? decodeDataSource(reader, join(path, 'trusted_ca'), context.trustedCa).toString('utf8')
      : systemRoots();
  if (context.systemRootCerts !== undefined && context.trustedCa !== undefined) {
    reader.problem(join(path, 'trusted_ca'), 'not together with system_root_certs');
  } else if (context.trustedCa !== undefined && rootsPem !== '' && !areCertificates(rootsPem)) {
    reader.problem(join(path, 'trusted_ca'), 'no certificate in PEM, or one that cannot be read');
  }
  const name = `${inlinePrefix}${createHash('sha256').update(`outside\0${rootsPem}`).digest('hex').slice(0, 32)}`;
  reader.findings.secrets.push({ kind: 'validation', name, trustDomain: '', rootsPem });
  return name;
}

let cachedSystemRoots: string | undefined;

/** The certificates that this system trusts, or Mozilla's where it has none. */
function systemRoots(): string {
  if (cachedSystemRoots === undefined) {
    const system = new Set(getCACertificates('system'));
    cachedSystemRoots = [...(system.size > 0 ? system : getCACertificates('bundled'))].join('\n');
  }
  return cachedSystemRoots;
}

function areCertificates(pem: string): boolean {
  try {
    const blocks = pemToDer(pem);
    for (const der of blocks) new X509Certificate(der);
    return blocks.length > 0;
  } catch {
    return false;
  }
}
