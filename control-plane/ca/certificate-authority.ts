import { type KeyObject, X509Certificate } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { formatTrustBundle } from '../../certs/trust-bundle.ts';
import type { Clock } from '../../lib/clock.ts';
import { issueIntermediate, issueLeaf, issueRoot, type LeafRequest, type Signer } from './issue-certificate.ts';
import { readSignerFile, SignerFileError, writeSignerFile } from './signer-file.ts';

const minute = 60_000;
const day = 24 * 60 * minute;
/** How long before now a certificate is valid already, for clocks that are behind (security.md L-51). */
const backdateMs = minute;
/** Lives (security.md L-47, L-49, L-50). */
const leafMs = day;
const issuingMs = 30 * day;
const rootMs = 3_652 * day;

/** A certificate that was issued. */
export interface Issued {
  /** Leaf first, then the issuing certificate. DER. */
  readonly chainDer: readonly Buffer[];
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
  /** Hexadecimal serial number of the leaf. */
  readonly serial: string;
}

/**
 * The CA of one trust domain: a root, and below it a key that signs leaves. Both are made at the first start and kept
 * in the state directory. The issuing key is replaced at half of its life.
 */
export class CertificateAuthority {
  readonly trustDomain: string;
  readonly #stateDir: string;
  readonly #clock: Clock;
  readonly #root: Signer;
  readonly #rootCertificate: X509Certificate;
  #issuing: Signer;

  private constructor(trustDomain: string, stateDir: string, clock: Clock, root: Signer, issuing: Signer) {
    this.trustDomain = trustDomain;
    this.#stateDir = stateDir;
    this.#clock = clock;
    this.#root = root;
    this.#rootCertificate = new X509Certificate(root.certificateDer);
    this.#issuing = issuing;
  }

  /** Opens the CA of a state directory, or makes it. Rejects with {@link SignerFileError} when it must not be used. */
  static async open(options: { trustDomain: string; stateDir: string; clock: Clock }): Promise<CertificateAuthority> {
    const { trustDomain, stateDir, clock } = options;
    fs.mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    const storedIssuing = readSignerFile(issuingFile(stateDir));
    let root = readSignerFile(rootFile(stateDir));
    if (root === undefined) {
      if (storedIssuing !== undefined) {
        throw new SignerFileError(`${rootFile(stateDir)} is missing; restore it from a backup`);
      }
      root = await issueRoot(trustDomain, lifeFrom(clock.wallTime(), rootMs));
      writeSignerFile(rootFile(stateDir), root);
    }
    checkDomain(root, trustDomain, stateDir);
    const now = clock.wallTime();
    const issuing = storedIssuing ?? (await makeIssuing(root, trustDomain, stateDir, now));
    const authority = new CertificateAuthority(trustDomain, stateDir, clock, root, issuing);
    await authority.renewIssuing();
    return authority;
  }

  /** Roots that the trust domain trusts, PEM. */
  get trustBundlePem(): string {
    return formatTrustBundle([this.#rootCertificate]);
  }

  get roots(): readonly X509Certificate[] {
    return [this.#rootCertificate];
  }

  /** Signs a leaf for a key that proved itself, valid for 24 h. The caller vouches for the id. */
  async issue(
    publicKey: KeyObject,
    spiffeId: string,
    names: Pick<LeafRequest, 'dnsNames' | 'ipAddresses'> = {},
  ): Promise<Issued> {
    await this.renewIssuing();
    const issuing = this.#issuing;
    const { notBefore, notAfter } = lifeFrom(this.#clock.wallTime(), leafMs);
    const leaf = await issueLeaf(issuing, { ...names, publicKey, spiffeId, notBefore, notAfter });
    const serial = new X509Certificate(leaf).serialNumber.toLowerCase();
    return { chainDer: [leaf, issuing.certificateDer], notAfter, serial };
  }

  /** Replaces the issuing key when half of its life is over. Leaves that it signed stay valid: they carry it along. */
  async renewIssuing(): Promise<void> {
    const { validFromDate, validToDate } = new X509Certificate(this.#issuing.certificateDer);
    const now = this.#clock.wallTime();
    if (now < (validFromDate.getTime() + validToDate.getTime()) / 2) return;
    this.#issuing = await makeIssuing(this.#root, this.trustDomain, this.#stateDir, now);
  }
}

function rootFile(stateDir: string): string {
  return path.join(stateDir, 'ca-root.pem');
}

function issuingFile(stateDir: string): string {
  return path.join(stateDir, 'ca-issuing.pem');
}

async function makeIssuing(root: Signer, trustDomain: string, stateDir: string, now: number): Promise<Signer> {
  const issuing = await issueIntermediate(root, trustDomain, lifeFrom(now, issuingMs));
  writeSignerFile(issuingFile(stateDir), issuing);
  return issuing;
}

/** Whole seconds, since certificates know no smaller time. */
function lifeFrom(now: number, lifeMs: number): { notBefore: number; notAfter: number } {
  const second = Math.floor(now / 1_000) * 1_000;
  return { notBefore: second - backdateMs, notAfter: second + lifeMs };
}

/** A state directory belongs to one trust domain; another one would need other roots everywhere. */
function checkDomain(root: Signer, trustDomain: string, stateDir: string): void {
  const names = new X509Certificate(root.certificateDer).subjectAltName ?? '';
  if (names === `URI:spiffe://${trustDomain}`) return;
  const found = names.replace('URI:spiffe://', '');
  throw new SignerFileError(
    `${rootFile(stateDir)} is the root of trust domain ${found}, not of ${trustDomain}; use another state directory`,
  );
}
