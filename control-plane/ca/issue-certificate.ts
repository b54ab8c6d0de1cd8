import 'reflect-metadata';
import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import * as x509 from '@peculiar/x509';

/** A CA key with its certificate. */
export interface Signer {
  readonly privateKey: KeyObject;
  readonly certificateDer: Buffer;
}

/** What a leaf is to say. */
export interface LeafRequest {
  readonly publicKey: KeyObject;
  readonly spiffeId: string;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** Further names; a workload gets none. */
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
}

interface Validity {
  readonly notBefore: number;
  readonly notAfter: number;
}

const ecdsa = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** A self-signed root of a trust domain (X509-SVID §4), ECDSA P-256. */
export async function issueRoot(trustDomain: string, validity: Validity): Promise<Signer> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const name = `CN=Heddle root ${randomBytes(4).toString('hex')}, O=${trustDomain}`;
  const certificate = await create(
    { subject: name, issuer: name, publicKey, signingKey: await toCryptoKey(privateKey), ...validity },
    await authorityExtensions(trustDomain, publicKey, undefined),
  );
  return { privateKey, certificateDer: certificate };
}

/** The key that signs leaves, itself signed by the root. It can sign nothing that is a CA. */
export async function issueIntermediate(root: Signer, trustDomain: string, validity: Validity): Promise<Signer> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const issuer = readCertificate(root.certificateDer);
  const extensions = [
    ...(await authorityExtensions(trustDomain, publicKey, 0)),
    await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
  ];
  const subject = `CN=Heddle issuing ${randomBytes(4).toString('hex')}, O=${trustDomain}`;
  const signingKey = await toCryptoKey(root.privateKey);
  const certificate = await create({ subject, issuer: issuer.subject, publicKey, signingKey, ...validity }, extensions);
  return { privateKey, certificateDer: certificate };
}

/** An X.509-SVID: the id as its only URI, no subject, not a CA (X509-SVID §4). DER. */
export async function issueLeaf(signer: Signer, request: LeafRequest): Promise<Buffer> {
  const issuer = readCertificate(signer.certificateDer);
  const names = [
    { type: 'url' as const, value: request.spiffeId },
    ...(request.dnsNames ?? []).map((value) => ({ type: 'dns' as const, value })),
    ...(request.ipAddresses ?? []).map((value) => ({ type: 'ip' as const, value })),
  ];
  const { notBefore, notAfter, publicKey } = request;
  const signingKey = await toCryptoKey(signer.privateKey);
  return create({ subject: '', issuer: issuer.subject, publicKey, signingKey, notBefore, notAfter }, [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
    // Critical, since there is no subject (RFC 5280 §4.2.1.6).
    new x509.SubjectAlternativeNameExtension(names, true),
    await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
  ]);
}

interface CertificateParts extends Validity {
  readonly subject: string;
  readonly issuer: string;
  readonly publicKey: KeyObject;
  readonly signingKey: CryptoKey;
}

async function create(parts: CertificateParts, extensions: x509.Extension[]): Promise<Buffer> {
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: parts.subject,
    issuer: parts.issuer,
    notBefore: new Date(parts.notBefore),
    notAfter: new Date(parts.notAfter),
    publicKey: parts.publicKey.export({ format: 'der', type: 'spki' }),
    signingKey: parts.signingKey,
    signingAlgorithm: ecdsa,
    extensions,
  });
  return Buffer.from(certificate.rawData);
}

async function authorityExtensions(
  trustDomain: string,
  publicKey: KeyObject,
  pathLength: number | undefined,
): Promise<x509.Extension[]> {
  return [
    new x509.BasicConstraintsExtension(true, pathLength, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    new x509.SubjectAlternativeNameExtension([{ type: 'url', value: `spiffe://${trustDomain}` }]),
    await x509.SubjectKeyIdentifierExtension.create(publicKey.export({ format: 'der', type: 'spki' })),
  ];
}

function readCertificate(der: Buffer): x509.X509Certificate {
  return new x509.X509Certificate(Uint8Array.from(der));
}

/** 126 random bits, never negative and never 0. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString('hex');
}

function toCryptoKey(key: KeyObject): Promise<CryptoKey> {
  const der = key.export({ format: 'der', type: 'pkcs8' });
  return crypto.subtle.importKey('pkcs8', der, ecdsa, false, ['sign']);
}

/** Reads a private key of PEM, or undefined when it is none. */
export function readPrivateKey(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}
