import { createPublicKey, type KeyObject, sign } from 'node:crypto';
import { readExtensionList } from './certificate.ts';
import {
  type DerElement,
  derTags,
  readBitString,
  readChildren,
  readDer,
  readOid,
  readSmallInteger,
  writeBitString,
  writeDer,
  writeOid,
} from './der.ts';
import { checkSignature, importPublicKey, readAlgorithm } from './key-rules.ts';
import { accepted, type Checked, refused } from './result.ts';

const ecdsaWithSha256 = '1.2.840.10045.4.3.2';
const extensionRequest = '1.2.840.113549.1.9.14';

/** Bytes of a certificate signing request; an honest one has about 200. */
export const maxCsrBytes = 8_192;

/** A certificate signing request whose signature proved possession of the key. Copy nothing from it but the key. */
export interface Csr {
  readonly publicKey: KeyObject;
  /** What it asked for beyond the key; see {@link csrObjection}. */
  readonly requested: { ca: boolean; uris: readonly string[]; otherNames: number };
}

export type CsrReason = 'malformed' | 'csr-too-large' | 'weak-key' | 'weak-signature' | 'bad-signature';

/**
 * Makes a PKCS#10 request (RFC 2986) for an ECDSA P-256 key: an empty subject and no extensions, since the CA
 * takes nothing but the key. DER.
 */
export function createCsr(privateKey: KeyObject): Buffer {
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  const version = writeDer(derTags.integer, Buffer.from([0]));
  const info = writeDer(derTags.sequence, version, writeDer(derTags.sequence), spki, writeDer(0xa0));
  const algorithm = writeDer(derTags.sequence, writeOid(ecdsaWithSha256));
  const signature = sign('sha256', info, { key: privateKey, dsaEncoding: 'der' });
  return writeDer(derTags.sequence, info, algorithm, writeBitString(signature));
}

/** Reads a PKCS#10 request: strict DER, at most 8 KiB, strong key, self-signature verified. Never throws. */
export function parseCsr(der: Buffer): Checked<Csr, CsrReason> {
  if (der.length > maxCsrBytes) return refused('csr-too-large', `${der.length} bytes; at most ${maxCsrBytes}`);
  const parts = readChildren(readDer(der, derTags.sequence));
  const info = parts?.[0];
  const [version, subject, spki, attributes, surplus] = readChildren(info) ?? [];
  const algorithm = readAlgorithm(parts?.[1]);
  const signature = readBitString(parts?.[2]);
  if (parts?.length !== 3 || info === undefined || algorithm === undefined || signature?.unused !== 0) {
    return refused('malformed', 'not a PKCS#10 request in DER');
  }
  if (readSmallInteger(version) !== 0 || !subject || !spki || surplus || (attributes && attributes.tag !== 0xa0)) {
    return refused('malformed', 'not a PKCS#10 request of version 1');
  }
  const publicKey = importPublicKey(spki.raw);
  if (!publicKey.ok) return publicKey;
  const proof = checkSignature(algorithm, info.raw, signature.bytes, publicKey.value);
  if (!proof.ok) return proof;
  const requested = readRequested(attributes);
  if (requested === undefined) return refused('malformed', 'attributes cannot be read');
  return accepted({ publicKey: publicKey.value, requested });
}

/**
 * Why a request must be refused although its signature is good: it asks to be a CA, or for a name other than the
 * attested `id` (security.md TLS-30). `undefined` when there is nothing to object to.
 */
export function csrObjection(csr: Csr, id: string): string | undefined {
  if (csr.requested.ca) return 'the request asks for a CA certificate';
  if (csr.requested.otherNames > 0) return 'the request asks for a name that is no SPIFFE id';
  const foreign = csr.requested.uris.find((uri) => uri !== id);
  return foreign === undefined ? undefined : `the request asks for another identity than ${id}`;
}

function readRequested(attributes: DerElement | undefined): Csr['requested'] | undefined {
  const list = attributes === undefined ? [] : readChildren(attributes, 0xa0);
  if (list === undefined) return undefined;
  let requested: Csr['requested'] = { ca: false, uris: [], otherNames: 0 };
  for (const attribute of list) {
    const [id, values] = readChildren(attribute) ?? [];
    const oid = readOid(id);
    if (oid === undefined || values?.tag !== derTags.set) return undefined;
    if (oid !== extensionRequest) continue;
    const extensions = readExtensionList(readChildren(readChildren(values, derTags.set)?.[0]) ?? []);
    if (!extensions.ok) return undefined;
    const { ca, keyUsage, uris, otherNames } = extensions.value;
    requested = { ca: ca || keyUsage?.keyCertSign === true, uris, otherNames: otherNames.length };
  }
  return requested;
}
