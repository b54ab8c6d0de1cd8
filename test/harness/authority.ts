import 'reflect-metadata';
import { type KeyObject, webcrypto, X509Certificate } from 'node:crypto';
import * as x509 from '@peculiar/x509';

x509.cryptoProvider.set(webcrypto as Crypto);

const p256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** A certificate with its private key, in the forms tests need. */
export interface Issued {
  der: Buffer;
  pem: string;
  keyPem: string;
  /** The chain to send: this certificate, then intermediates. */
  chain: Buffer[];
}

export interface IssueOptions {
  /** URI subject alternative names; the first is usually the SPIFFE id. */
  uris?: string[];
  dns?: string[];
  /** Milliseconds since the epoch. Defaults: a minute ago, and in an hour. */
  notBefore?: number;
  notAfter?: number;
  /** `null` leaves the extension out. */
  keyUsage?: number | null;
  extendedKeyUsage?: string[] | null;
  ca?: boolean;
  pathLength?: number;
  keys?: CryptoKeyPair;
  publicKey?: KeyObject;
  /** Hash of the signature. */
  hash?: 'SHA-1' | 'SHA-256';
  extensions?: x509.Extension[];
}

/** A certificate authority for tests, made with a library other than the code under test. */
export class TestAuthority {
  readonly #keys: CryptoKeyPair;
  readonly certificate: x509.X509Certificate;
  readonly root: X509Certificate;
  readonly pem: string;
  /** Intermediates between this authority and its root; empty for a root. */
  readonly chain: Buffer[];

  constructor(keys: CryptoKeyPair, certificate: x509.X509Certificate, chain: Buffer[] = []) {
    this.#keys = keys;
    this.certificate = certificate;
    this.root = new X509Certificate(Buffer.from(certificate.rawData));
    this.pem = `${certificate.toString('pem')}\n`;
    this.chain = chain;
  }

  static async create(name = 'Test Root', notAfter = Date.now() + 86_400_000): Promise<TestAuthority> {
    const keys = await generateKeys();
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: '01',
      name: `CN=${name}`,
      notBefore: new Date(Date.now() - 60_000),
      notAfter: new Date(notAfter),
      signingAlgorithm: p256,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      ],
    });
    return new TestAuthority(keys, certificate);
  }

  /** Issues a leaf that is a correct X.509-SVID unless `options` spoil it. */
  async issue(uri: string, options: IssueOptions = {}): Promise<Issued> {
    const keys = options.keys ?? (await generateKeys());
    const certificate = await this.#sign(`CN=leaf`, keys, { uris: [uri], ...options });
    const der = Buffer.from(certificate.rawData);
    return {
      der,
      pem: `${certificate.toString('pem')}\n`,
      keyPem: x509.PemConverter.encode(
        await webcrypto.subtle.exportKey('pkcs8', keys.privateKey as webcrypto.CryptoKey),
        'PRIVATE KEY',
      ),
      chain: [der, ...this.chain],
    };
  }

  /** Signs for a public key made elsewhere, as a CA does for a CSR. */
  async certify(uri: string, publicKey: KeyObject, options: IssueOptions = {}): Promise<Buffer> {
    const keys = await generateKeys();
    const certificate = await this.#sign('CN=leaf', keys, { uris: [uri], publicKey, ...options });
    return Buffer.from(certificate.rawData);
  }

  /** An authority signed by this one. */
  async intermediate(name: string, options: IssueOptions = {}): Promise<TestAuthority> {
    const keys = await generateKeys();
    const keyUsage = x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign;
    const certificate = await this.#sign(`CN=${name}`, keys, {
      ca: true,
      keyUsage,
      extendedKeyUsage: null,
      ...options,
    });
    return new TestAuthority(keys, certificate, [Buffer.from(certificate.rawData), ...this.chain]);
  }

  async #sign(subject: string, keys: CryptoKeyPair, options: IssueOptions): Promise<x509.X509Certificate> {
    const { keyUsage = x509.KeyUsageFlags.digitalSignature, uris = [], dns = [] } = options;
    const { extendedKeyUsage = [x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth] } = options;
    const names = [
      ...uris.map((value) => ({ type: 'url' as const, value })),
      ...dns.map((value) => ({ type: 'dns' as const, value })),
    ];
    const publicKey = options.publicKey?.export({ format: 'der', type: 'spki' });
    return x509.X509CertificateGenerator.create({
      serialNumber: webcrypto.getRandomValues(Buffer.alloc(8)).toString('hex').replace(/^./, '1'),
      subject,
      issuer: this.certificate.subject,
      notBefore: new Date(options.notBefore ?? Date.now() - 60_000),
      notAfter: new Date(options.notAfter ?? Date.now() + 3_600_000),
      signingAlgorithm: { ...p256, hash: options.hash ?? 'SHA-256' },
      publicKey: publicKey === undefined ? keys.publicKey : new x509.PublicKey(new Uint8Array(publicKey)),
      signingKey: this.#keys.privateKey,
      extensions: [
        new x509.BasicConstraintsExtension(options.ca ?? false, options.pathLength, true),
        ...(keyUsage === null ? [] : [new x509.KeyUsagesExtension(keyUsage, true)]),
        ...(extendedKeyUsage === null ? [] : [new x509.ExtendedKeyUsageExtension(extendedKeyUsage)]),
        ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)]),
        ...(options.extensions ?? []),
      ],
    });
  }
}

/** A key pair; ECDSA P-256 unless told otherwise. */
export async function generateKeys(algorithm: EcKeyGenParams | RsaHashedKeyGenParams = p256): Promise<CryptoKeyPair> {
  return (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair;
}
