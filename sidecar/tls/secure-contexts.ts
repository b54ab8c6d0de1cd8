import { constants, type X509Certificate } from 'node:crypto';
import tls, { type SecureContext, type SecureContextOptions } from 'node:tls';
import { parseTrustBundle } from '../../certs/trust-bundle.ts';
import type { UpstreamTlsConfig } from '../cluster/cluster-config.ts';
import type { DownstreamTlsConfig } from '../net/listener-config.ts';
import type { SecretSource } from './secret.ts';

/** Whom we trust to name peers: the roots of one trust domain. */
export interface Trust {
  readonly trustDomain: string;
  readonly roots: readonly X509Certificate[];
}

/** What {@link SecureContexts} needs of a TLS configuration. */
type Wanted = Pick<DownstreamTlsConfig, 'certificateSecret' | 'validationSecret' | 'minVersion'>;

/** Suites with forward secrecy and authenticated encryption, and no others (security.md L-42, TLS-25). */
const authenticatedCiphers = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

/**
 * TLS contexts made of secrets, kept until one of their secrets changes: connections made later take the new
 * ones, running ones go on. Answers nothing while a secret is missing or cannot be used.
 */
export class SecureContexts {
  readonly #secrets: SecretSource;
  readonly #onChange: () => void;
  readonly #subscriptions = new Map<string, () => void>();
  readonly #contexts = new Map<string, { context: SecureContext | undefined; secrets: readonly string[] }>();
  readonly #trusts = new Map<string, Trust | undefined>();

  /** `onChange` is called after a secret that was asked for has changed. */
  constructor(secrets: SecretSource, onChange: () => void = () => {}) {
    this.#secrets = secrets;
    this.#onChange = onChange;
  }

  /** The context for a server name where the chain has a certificate of its own for it; `undefined` for the default one. */
  forServerName(_config: DownstreamTlsConfig, _serverName: string): SecureContext | undefined {
    return undefined;
  }

  forClient(config: UpstreamTlsConfig): SecureContext | undefined {
    return this.#context({ ...config, minVersion: 'TLSv1.3' });
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
    const key = `${wanted.certificateSecret}\0${wanted.validationSecret ?? ''}\0${wanted.minVersion}`;
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
    const certificate = this.#secrets.get(wanted.certificateSecret);
    if (certificate?.kind !== 'certificate') return undefined;
    const options: SecureContextOptions & { allowPartialTrustChain?: boolean } = {
      cert: certificate.chainPem,
      key: certificate.privateKeyPem,
      minVersion: wanted.minVersion,
      ciphers: authenticatedCiphers,
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    };
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

  #watch(name: string): void {
    if (this.#subscriptions.has(name)) return;
    const unsubscribe = this.#secrets.subscribe(name, () => {
      this.#trusts.delete(name);
      for (const [key, entry] of this.#contexts) if (entry.secrets.includes(name)) this.#contexts.delete(key);
      this.#onChange();
    });
    this.#subscriptions.set(name, unsubscribe);
  }
}

function secretNames(wanted: Wanted): string[] {
  return wanted.validationSecret === undefined
    ? [wanted.certificateSecret]
    : [wanted.certificateSecret, wanted.validationSecret];
}

function createContext(options: SecureContextOptions): SecureContext | undefined {
  try {
    return tls.createSecureContext(options);
  } catch {
    // A certificate that is not its key's, or no PEM at all; discovery has checked it and reports it there.
    return undefined;
  }
}
