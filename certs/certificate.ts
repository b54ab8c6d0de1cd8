import type { KeyObject } from 'node:crypto';
import {
  type DerElement,
  derTags,
  readBitString,
  readBoolean,
  readChildren,
  readDer,
  readOid,
  readSmallInteger,
  readTime,
} from './der.ts';
import { importPublicKey, readAlgorithm } from './key-rules.ts';
import { accepted, type Checked, refused } from './result.ts';

/** What path validation needs of a certificate (RFC 5280), read from its DER. */
export interface Certificate {
  /** The signed part. */
  readonly tbs: Buffer;
  readonly signature: Buffer;
  readonly signatureAlgorithm: string;
  /** Names as DER; compared byte for byte. */
  readonly issuer: Buffer;
  readonly subject: Buffer;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly publicKey: KeyObject;
  readonly extensions: Extensions;
}

export interface Extensions {
  readonly ca: boolean;
  /** How many intermediates may follow; `undefined` for any number. */
  readonly pathLength: number | undefined;
  /** `undefined` when the extension is missing. */
  readonly keyUsage: { digitalSignature: boolean; keyCertSign: boolean; crlSign: boolean } | undefined;
  /** OIDs; `undefined` when the extension is missing. */
  readonly extendedKeyUsage: readonly string[] | undefined;
  /** URI names, byte for byte as latin1; never through a comma-joined string. */
  readonly uris: readonly string[];
  /** Other subject alternative names, by their number in GeneralName (2 is DNS). */
  readonly otherNames: readonly number[];
}

type Reason = 'malformed' | 'weak-key' | 'certificate-too-large' | 'unknown-critical-extension';

/** Bytes of one certificate (security.md TLS-27). */
export const maxCertificateBytes = 16_384;

const maxAlternativeNames = 100;

/** Reads one certificate. Never throws; anything that is not strict DER of a version 3 certificate is refused. */
export function parseCertificate(der: Buffer): Checked<Certificate, Reason> {
  if (der.length > maxCertificateBytes) {
    return refused('certificate-too-large', `certificate of ${der.length} bytes; at most ${maxCertificateBytes}`);
  }
  const parts = readChildren(readDer(der, derTags.sequence));
  const tbs = parts?.[0];
  const fields = readChildren(tbs);
  const signature = readBitString(parts?.[2]);
  if (parts?.length !== 3 || tbs === undefined || fields === undefined || signature?.unused !== 0) {
    return refused('malformed', 'not a certificate in DER');
  }
  const [version, , innerAlgorithm, issuer, validity, subject, spki, ...rest] = fields;
  const signatureAlgorithm = readAlgorithm(parts[1]);
  const [from, to] = readChildren(validity) ?? [];
  const notBefore = readTime(from);
  const notAfter = readTime(to);
  if (readSmallInteger(readChildren(version, 0xa0)?.[0]) !== 2) {
    return refused('malformed', 'not an X.509 version 3 certificate');
  }
  if (signatureAlgorithm === undefined || parts[1] === undefined || !innerAlgorithm?.raw.equals(parts[1].raw)) {
    return refused('malformed', 'signature algorithms inside and outside the signed part differ');
  }
  if (notBefore === undefined || notAfter === undefined || issuer === undefined || subject === undefined || !spki) {
    return refused('malformed', 'validity or names cannot be read');
  }
  const publicKey = importPublicKey(spki.raw);
  if (!publicKey.ok) return publicKey;
  const extensions = readExtensions(rest.find((field) => field.tag === 0xa3));
  if (!extensions.ok) return extensions;
  return accepted({
    tbs: tbs.raw,
    signature: signature.bytes,
    signatureAlgorithm,
    issuer: issuer.raw,
    subject: subject.raw,
    notBefore,
    notAfter,
    publicKey: publicKey.value,
    extensions: extensions.value,
  });
}

const oids = {
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  keyUsage: '2.5.29.15',
  extendedKeyUsage: '2.5.29.37',
} as const;

function readExtensions(wrapper: DerElement | undefined): Checked<Extensions, Reason> {
  if (wrapper === undefined) return readExtensionList([]);
  const list = readChildren(readChildren(wrapper, 0xa3)?.[0]);
  return list === undefined ? refused('malformed', 'extensions cannot be read') : readExtensionList(list);
}

/** Reads the elements of an `Extensions` SEQUENCE; also for the extensions a CSR asks for. */
export function readExtensionList(list: readonly DerElement[]): Checked<Extensions, Reason> {
  const values = new Map<string, DerElement>();
  for (const element of list) {
    const [id, second, third] = readChildren(element) ?? [];
    const oid = readOid(id);
    const critical = second?.tag === derTags.boolean ? readBoolean(second) : false;
    const holder = second?.tag === derTags.boolean ? third : second;
    const value = holder?.tag === derTags.octetString ? readDer(holder.content) : undefined;
    if (oid === undefined || critical === undefined || holder?.tag !== derTags.octetString) {
      return refused('malformed', 'an extension cannot be read');
    }
    if (values.has(oid)) return refused('malformed', `extension ${oid} twice`);
    if (!Object.values<string>(oids).includes(oid)) {
      if (critical) return refused('unknown-critical-extension', `critical extension ${oid} is not understood`);
      continue;
    }
    if (value === undefined) return refused('malformed', `extension ${oid} is not DER`);
    values.set(oid, value);
  }
  return interpret(values);
}

function interpret(values: ReadonlyMap<string, DerElement>): Checked<Extensions, Reason> {
  const constraints = readBasicConstraints(values.get(oids.basicConstraints));
  const names = readAlternativeNames(values.get(oids.subjectAltName));
  const usage = values.get(oids.keyUsage);
  const keyUsage = usage === undefined ? undefined : readKeyUsage(usage);
  const purposes = values.get(oids.extendedKeyUsage);
  const extendedKeyUsage = purposes === undefined ? undefined : readChildren(purposes)?.map(readOid);
  if (constraints === undefined) return refused('malformed', 'basicConstraints cannot be read');
  if (names === undefined) return refused('malformed', 'subjectAltName cannot be read, or has over 100 names');
  if (usage !== undefined && keyUsage === undefined) return refused('malformed', 'keyUsage cannot be read');
  if (purposes !== undefined && (extendedKeyUsage === undefined || extendedKeyUsage.includes(undefined))) {
    return refused('malformed', 'extendedKeyUsage cannot be read');
  }
  return accepted({
    ...constraints,
    ...names,
    keyUsage,
    extendedKeyUsage: extendedKeyUsage?.filter((oid) => oid !== undefined),
  });
}

function readBasicConstraints(value: DerElement | undefined): Pick<Extensions, 'ca' | 'pathLength'> | undefined {
  if (value === undefined) return { ca: false, pathLength: undefined };
  const fields = readChildren(value);
  if (fields === undefined || fields.length > 2) return undefined;
  const [first, second] = fields;
  if (first === undefined) return { ca: false, pathLength: undefined };
  const ca = readBoolean(first);
  const pathLength = readSmallInteger(second);
  if (ca === undefined || (second !== undefined && pathLength === undefined)) return undefined;
  return { ca, pathLength };
}

function readKeyUsage(value: DerElement): Extensions['keyUsage'] {
  const bits = readBitString(value)?.bytes[0];
  if (bits === undefined) return undefined;
  return { digitalSignature: (bits & 0x80) !== 0, keyCertSign: (bits & 0x04) !== 0, crlSign: (bits & 0x02) !== 0 };
}

function readAlternativeNames(value: DerElement | undefined): Pick<Extensions, 'uris' | 'otherNames'> | undefined {
  if (value === undefined) return { uris: [], otherNames: [] };
  const names = readChildren(value);
  if (names === undefined || names.length > maxAlternativeNames) return undefined;
  const isUri = (name: DerElement): boolean => name.tag === 0x86;
  return {
    uris: names.filter(isUri).map((name) => name.content.toString('latin1')),
    otherNames: names.filter((name) => !isUri(name)).map((name) => name.tag & 0x1f),
  };
}
