import type { X509Certificate } from 'node:crypto';
import { type Certificate, parseCertificate } from './certificate.ts';
import { checkSignature, isStrongSignature } from './key-rules.ts';
import { type Refused, refused } from './result.ts';
import { parseSpiffeId } from './spiffe-id.ts';

export interface VerifyOptions {
  /** The trust bundle of `trustDomain`, and of no other: bundles of different domains are never merged. */
  readonly roots: readonly X509Certificate[];
  readonly trustDomain: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** The ids the peer may have; an empty list refuses everyone. `undefined` allows all of the trust domain. */
  readonly allowedIds?: readonly string[];
  /**
   * The TLS library has proven a path from the leaf to `roots`, and to nothing else. Counts only where the chain has
   * the leaf alone: on the server's side Node does not show the intermediates that came with it.
   */
  readonly pathProven?: boolean;
}

export type VerifyReason =
  | 'no-certificate'
  | 'chain-too-long'
  | 'chain-too-large'
  | 'certificate-too-large'
  | 'malformed'
  | 'unknown-critical-extension'
  | 'weak-key'
  | 'weak-signature'
  | 'leaf-is-ca'
  | 'bad-key-usage'
  | 'bad-extended-key-usage'
  | 'no-uri-san'
  | 'several-uri-sans'
  | 'bad-spiffe-id'
  | 'wrong-trust-domain'
  | 'unexpected-id'
  | 'expired'
  | 'not-yet-valid'
  | 'unknown-authority';

export type Verified = { ok: true; id: string; notAfter: number } | Refused<VerifyReason>;

/** Certificates sent by the peer (security.md L-46). */
export const maxChainLength = 5;
export const maxChainBytes = 65_536;
/** How far clocks may differ, in milliseconds (security.md P-31). */
export const clockSkewMs = 300_000;

const clientAuth = '1.3.6.1.5.5.7.3.2';
const serverAuth = '1.3.6.1.5.5.7.3.1';

/**
 * Verifies a peer's chain as an X.509-SVID (SPIFFE X509-SVID §5, RFC 5280 §6), from DER only: the same for
 * clients and servers. `chainDer` is the leaf and then what else the peer sent, in any order. Never throws.
 */
export function verifySvid(chainDer: readonly Buffer[], options: VerifyOptions): Verified {
  const size = chainDer.reduce((sum, der) => sum + der.length, 0);
  if (chainDer.length > maxChainLength) {
    return refused('chain-too-long', `${chainDer.length} certificates; at most ${maxChainLength}`);
  }
  if (size > maxChainBytes) return refused('chain-too-large', `${size} bytes; at most ${maxChainBytes}`);
  const [leafDer, ...otherDer] = chainDer;
  if (leafDer === undefined) return refused('no-certificate', 'the peer sent no certificate');
  const leaf = parseCertificate(leafDer);
  if (!leaf.ok) return leaf;
  const id = identityOf(leaf.value, options);
  if (!id.ok) return id;
  const time = checkValidity(leaf.value, options.now);
  if (time !== undefined) return time;
  const others: Certificate[] = [];
  for (const der of otherDer) {
    const other = parseCertificate(der);
    if (!other.ok) return other;
    others.push(other.value);
  }
  const path = findPath(leaf.value, others, options, 0);
  const proven = options.pathProven === true && others.length === 0 && !path.ok && path.reason === 'unknown-authority';
  return path.ok || proven ? { ok: true, id: id.id, notAfter: leaf.value.notAfter } : path;
}

/** The rules for the leaf alone; answers its SPIFFE id. */
function identityOf(leaf: Certificate, options: VerifyOptions): { ok: true; id: string } | Refused<VerifyReason> {
  const { ca, keyUsage, extendedKeyUsage, uris } = leaf.extensions;
  if (ca) return refused('leaf-is-ca', 'the leaf is a CA certificate');
  if (keyUsage === undefined) return refused('bad-key-usage', 'the leaf has no keyUsage');
  if (keyUsage.keyCertSign || keyUsage.crlSign)
    return refused('bad-key-usage', 'the leaf may sign certificates or CRLs');
  if (!keyUsage.digitalSignature) return refused('bad-key-usage', 'keyUsage of the leaf lacks digitalSignature');
  if (extendedKeyUsage && !(extendedKeyUsage.includes(clientAuth) && extendedKeyUsage.includes(serverAuth))) {
    return refused('bad-extended-key-usage', 'extendedKeyUsage lacks clientAuth or serverAuth');
  }
  const [uri, second] = uris;
  if (uri === undefined) return refused('no-uri-san', 'the leaf has no URI name, so no SPIFFE id');
  if (second !== undefined) return refused('several-uri-sans', `the leaf has ${uris.length} URI names; one is allowed`);
  const id = parseSpiffeId(uri);
  if (!id.ok) return id;
  if (id.value.path === '') return refused('bad-spiffe-id', 'the id has no path: it names a trust domain');
  if (id.value.trustDomain !== options.trustDomain) {
    return refused('wrong-trust-domain', `${id.value.trustDomain} instead of ${options.trustDomain}`);
  }
  if (options.allowedIds !== undefined && !options.allowedIds.includes(uri)) {
    return refused('unexpected-id', `${uri} instead of ${options.allowedIds.join(' or ') || 'nobody'}`);
  }
  return { ok: true, id: uri };
}

function checkValidity(certificate: Certificate, now: number): Refused<VerifyReason> | undefined {
  const { notBefore, notAfter } = certificate;
  if (now > notAfter + clockSkewMs) {
    return refused('expired', `expired ${iso(notAfter)}; the clock here says ${iso(now)}`);
  }
  if (now < notBefore - clockSkewMs) {
    return refused('not-yet-valid', `valid from ${iso(notBefore)}; the clock here says ${iso(now)}`);
  }
  return undefined;
}

function iso(time: number): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? 'no time' : date.toISOString();
}

/** Searches a signed way from `subject` to a root; `intermediates` counts the CA certificates passed so far. */
function findPath(
  subject: Certificate,
  others: readonly Certificate[],
  options: VerifyOptions,
  intermediates: number,
): { ok: true } | Refused<VerifyReason> {
  if (!isStrongSignature(subject.signatureAlgorithm)) {
    return refused('weak-signature', `signature algorithm ${subject.signatureAlgorithm} is not accepted`);
  }
  let failure = refused<VerifyReason>('unknown-authority', 'no root of the trust bundle signed this chain');
  for (const root of options.roots) {
    const parsed = parseRoot(root);
    if (parsed === undefined || !isSignedBy(subject, parsed)) continue;
    const objection = issuerObjection(parsed, options, intermediates);
    if (objection === undefined) return { ok: true };
    failure = objection;
  }
  for (const issuer of others) {
    if (!isSignedBy(subject, issuer)) continue;
    const objection = issuerObjection(issuer, options, intermediates);
    const remaining = others.filter((other) => other !== issuer);
    const onward = objection ?? findPath(issuer, remaining, options, intermediates + 1);
    if (onward.ok) return onward;
    failure = onward;
  }
  return failure;
}

function isSignedBy(subject: Certificate, issuer: Certificate): boolean {
  if (!subject.issuer.equals(issuer.subject)) return false;
  return checkSignature(subject.signatureAlgorithm, subject.tbs, subject.signature, issuer.publicKey).ok;
}

function issuerObjection(
  issuer: Certificate,
  options: VerifyOptions,
  intermediates: number,
): Refused<VerifyReason> | undefined {
  const { ca, pathLength, keyUsage, uris } = issuer.extensions;
  if (!ca) return refused('unknown-authority', 'an issuer is not a CA certificate');
  if (keyUsage !== undefined && !keyUsage.keyCertSign) {
    return refused('unknown-authority', 'keyUsage of an issuer lacks keyCertSign');
  }
  if (pathLength !== undefined && intermediates > pathLength) {
    return refused('unknown-authority', `an issuer allows ${pathLength} intermediates; the chain has ${intermediates}`);
  }
  // A signing certificate may carry the id of its trust domain (X509-SVID §4.3); then it signs for that one only.
  for (const uri of uris) {
    const id = parseSpiffeId(uri);
    if (!id.ok || id.value.trustDomain !== options.trustDomain) {
      return refused('wrong-trust-domain', 'an issuer belongs to another trust domain');
    }
  }
  return checkValidity(issuer, options.now);
}

const parsedRoots = new WeakMap<X509Certificate, Certificate>();

function parseRoot(root: X509Certificate): Certificate | undefined {
  const known = parsedRoots.get(root);
  if (known !== undefined) return known;
  const parsed = parseCertificate(root.raw);
  if (!parsed.ok) return undefined;
  parsedRoots.set(root, parsed.value);
  return parsed.value;
}
