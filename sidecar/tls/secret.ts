/** A certificate with its key (`envoy...tls.v3.TlsCertificate`). PEM both. */
export interface CertificateSecret {
  kind: 'certificate';
  name: string;
  /** Leaf first, then intermediates. */
  chainPem: string;
  privateKeyPem: string;
  /** Milliseconds since the epoch. */
  notAfter: number;
}

/** Roots to verify peers against (`CertificateValidationContext`). */
export interface ValidationSecret {
  kind: 'validation';
  name: string;
  trustDomain: string;
  /** PEM; several roots while one replaces another. */
  rootsPem: string;
}

export type Secret = CertificateSecret | ValidationSecret;

/** Where TLS contexts get their secrets from: discovery (SDS) and the proxy's own identity. */
export interface SecretSource {
  get(name: string): Secret | undefined;
  /** Calls `listener` when the secret arrives or changes, until the returned function is called. */
  subscribe(name: string, listener: (secret: Secret) => void): () => void;
}
