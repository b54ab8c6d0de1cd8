import { constants, type X509Certificate } from 'node:crypto';
import tls, { type SecureContext, type SecureContextOptions } from 'node:tls';
import { readAlternativeNames } from '../../certs/alternative-names.ts';
import { parseTrustBundle, pemToDer } from '../../certs/trust-bundle.ts';
import type { TlsVersions, UpstreamTlsConfig } from '../cluster/cluster-config.ts';
import type { DownstreamTlsConfig } from '../net/listener-config.ts';
import { authenticatedSuites, cipherList } from './cipher-suites.ts';
import type { SecretSource } from './secret.ts';
import { dnsNameCovers } from './server-name-match.ts';

/** Whom we trust to name peers: the roots of one trust domain. */
export interface Trust {
  readonly trustDomain: string;
  readonly roots: readonly X509Certificate[];
}

/** What {@link SecureContexts} needs of a TLS configuration. */
type Wanted = Pick<
  DownstreamTlsConfig,
  'certificateSecret' | 'validationSecret' | 'minVersion' | 'maxVersion' | 'ciphers'
>;

const meshVersions: TlsVersions = { min: 'TLSv1.3', max: 'TLSv1.3' };
const outsideVersions: TlsVersions = { min: 'TLSv1.2', max: 'TLSv1.3' };

/**
 * TLS contexts made of secrets, kept until one of their secrets changes: connections made later take the new
 * ones, running ones go on. Answers nothing while a secret is missing or cannot be used.
 */
export class SecureContexts {
  readonly #secrets: SecretSource;
  readonly #onChange: () => void;
  readonly #subscriptions = new Map<string, () => void>();
  readonly #contexts = new Map<string, { context: SecureContext | undefined; secrets: readonly string[] }>();
  /** DNS names by the secret of the certificate. */
  readonly #names = new Map<string, readonly string[]>();
  readonly #trusts = new Map<string, Trust | undefined>();

  /** `onChange` is called after a secret that was asked for has changed. */
  constructor(secrets: SecretSource, onChange: () => void = () => {}) {
    this.#secrets = secrets;
    this.#onChange = onChange;
  }

  /** The context for a server name where the chain has a certificate of its own for it; `undefined` for the default one. */
  forServerName(config: DownstreamTlsConfig, serverName: string): SecureContext | undefined {
    for (const name of config.moreCertificates ?? []) {
      if (this.#namesOf(name).some((presented) => dnsNameCovers(presented, serverName))) {
        return this.#context({ ...config, certificateSecret: name });
      }
    }
    return undefined;
  }

  forClient(config: UpstreamTlsConfig): SecureContext | undefined {
    const { serverNames, versions = serverNames === undefined ? meshVersions : outsideVersions } = config;
    return this.#context({ ...config, minVersion: versions.min, maxVersion: versions.max });
  }

  /** As {@link forServer}, as the options that `tls.Server.setSecureContext` takes. */
  serverOptions(config: DownstreamTlsConfig): SecureContextOptions | undefined {
    return this.#options(config);
  }

  trust(validationSecret: string): Trust | undefined {
    if (!this.#trusts.has(validationSecret)) {
      this.#watch(validationSecret);
      const secret = this.#secrets.get(validationSecret);
      const roots = secret?.kind === 'validation' ? parseTrustBundle(secret.rootsPem) : undefined;
      this.#trusts.set(
        validationSecret,
        secret?.kind === 'validation' && roots?.ok
          ? { trustDomain: secret.trustDomain, roots: roots.value }
          : undefined,
      );
    }
    return this.#trusts.get(validationSecret);
  }

  close(): void {
    for (const unsubscribe of this.#subscriptions.values()) unsubscribe();
    this.#subscriptions.clear();
  }

  #context(wanted: Wanted): SecureContext | undefined {
    const key = `${wanted.certificateSecret}\0${wanted.validationSecret ?? ''}\0${wanted.minVersion}\0${wanted.maxVersion ?? ''}\0${wanted.ciphers ?? ''}`;
    let entry = this.#contexts.get(key);
    if (entry === undefined) {
      const options = this.#options(wanted);
      entry = { context: options && createContext(options), secrets: secretNames(wanted) };
      this.#contexts.set(key, entry);
    }
    return entry.context;
  }

  #options(wanted: Wanted): SecureContextOptions | undefined {
    for (const name of secretNames(wanted)) this.#watch(name);
    const options: SecureContextOptions & { allowPartialTrustChain?: boolean } = {
      minVersion: wanted.minVersion,
      maxVersion: wanted.maxVersion ?? 'TLSv1.3',
      ciphers: wanted.ciphers ?? cipherList(authenticatedSuites),
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    };
    if (wanted.certificateSecret !== '') {
      const certificate = this.#secrets.get(wanted.certificateSecret);
      if (certificate?.kind !== 'certificate') return undefined;
      options.cert = certificate.chainPem;
      options.key = certificate.privateKeyPem;
    }
    if (wanted.validationSecret !== undefined) {
      const validation = this.#secrets.get(wanted.validationSecret);
      if (validation?.kind !== 'validation') return undefined;
      options.ca = validation.rootsPem;
      options.allowPartialTrustChain = true;
      // No resumption with mutual TLS: a resumed session would skip the peer's certificate (security.md L-44).
      options.secureOptions = constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_TICKET;
    }
    return options;
  }

  #namesOf(certificateSecret: string): readonly string[] {
    let names = this.#names.get(certificateSecret);
    if (names === undefined) {
      this.#watch(certificateSecret);
      const secret = this.#secrets.get(certificateSecret);
      const [leaf] = secret?.kind === 'certificate' ? pemToDer(secret.chainPem) : [];
      names =
        leaf === undefined
          ? []
          : readAlternativeNames(leaf).flatMap(({ type, value }) => (type === 'dns' ? [value] : []));
      this.#names.set(certificateSecret, names);
    }
    return names;
  }

  #watch(name: string): void {
    if (this.#subscriptions.has(name)) return;
    const unsubscribe = this.#secrets.subscribe(name, () => {
      this.#trusts.delete(name);
      this.#names.delete(name);
      for (const [key, entry] of this.#contexts) if (entry.secrets.includes(name)) this.#contexts.delete(key);
      this.#onChange();
    });
    this.#subscriptions.set(name, unsubscribe);
  }
}

function secretNames({ certificateSecret, validationSecret = '' }: Wanted): string[] {
  return [certificateSecret, validationSecret].filter((name) => name !== '');
}

function createContext(options: SecureContextOptions): SecureContext | undefined {
  try {
    return tls.createSecureContext(options);
  } catch {
    // A certificate that is not its key's, or no PEM at all; discovery has checked it and reports it there.
    return undefined;
  }
}
