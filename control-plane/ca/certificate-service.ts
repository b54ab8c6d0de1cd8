import { type ServerUnaryCall, type sendUnaryData, status, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { type Csr, csrObjection, maxCsrBytes, parseCsr } from '../../certs/csr.ts';
import { formatSpiffeId } from '../../certs/spiffe-id.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { CertificateServiceService, type SignRequest, SignResponse } from '../../proto/gen/heddle/ca/v1/ca.ts';
import type { CertificateAuthority } from './certificate-authority.ts';
import { controlPlaneId } from './serving-identity.ts';
import { TokenBuckets } from './token-buckets.ts';

export interface CertificateServiceOptions {
  readonly authority: CertificateAuthority;
  /** Uses a join token up; undefined when it is no good. May throw when that cannot be made durable. */
  readonly redeem: (token: string) => { namespace: string; serviceAccount: string } | undefined;
  /** The verified SPIFFE id behind a connection (`address:port` of the client), if it has one. */
  readonly identify: (peer: string) => string | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** A request that is not granted. */
class Refusal extends Error {
  readonly code: status;

  constructor(code: status, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * `heddle.ca.v1.CertificateService`: signs what a join token or the connection's own SVID vouches for. Of the request
 * only the public key is used (security.md TLS-30). Every answer leaves one line in the log, never with a secret.
 */
export function certificateService(options: CertificateServiceOptions): {
  definition: typeof CertificateServiceService;
  implementation: UntypedServiceImplementation;
} {
  const signer = new CertificateSigner(options);
  return {
    definition: CertificateServiceService,
    implementation: {
      sign: (call: ServerUnaryCall<SignRequest, SignResponse>, callback: sendUnaryData<SignResponse>) => {
        signer.sign(call.request, call.getPeer()).then(
          (response) => callback(null, response),
          (error: unknown) => callback(toServiceError(error)),
        );
      },
    },
  };
}

class CertificateSigner {
  readonly #options: CertificateServiceOptions;
  /** security.md L-52 and L-53. */
  readonly #all: TokenBuckets;
  readonly #renewals: TokenBuckets;
  readonly #failures: TokenBuckets;

  constructor(options: CertificateServiceOptions) {
    this.#options = options;
    this.#all = new TokenBuckets(100, 100, options.clock);
    this.#renewals = new TokenBuckets(1 / 5, 5, options.clock);
    this.#failures = new TokenBuckets(1, 10, options.clock);
  }

  async sign(request: SignRequest, peer: string): Promise<SignResponse> {
    const { authority, log } = this.#options;
    const method = request.joinToken === '' ? 'svid' : 'join-token';
    try {
      const csr = this.#readCsr(request);
      const spiffeId = method === 'svid' ? this.#renewing(peer) : this.#joining(request.joinToken, peer);
      const objection = csrObjection(csr, spiffeId);
      if (objection !== undefined) throw new Refusal(status.INVALID_ARGUMENT, objection);
      const issued = await authority.issue(csr.publicKey, spiffeId);
      const notAfter = new Date(issued.notAfter).toISOString();
      log.info('certificate issued', { spiffeId, serial: issued.serial, notAfter, method, peer });
      return SignResponse.fromPartial({
        certificateChainDer: [...issued.chainDer],
        trustBundleDer: authority.roots.map((root) => root.raw),
        spiffeId,
      });
    } catch (error) {
      log.warn('certificate refused', { reason: error instanceof Error ? error.message : String(error), method, peer });
      throw error;
    }
  }

  #readCsr(request: SignRequest): Csr {
    if (!this.#all.take('')) throw new Refusal(status.RESOURCE_EXHAUSTED, 'too many requests; try again in a second');
    if (request.csrDer.length > maxCsrBytes) {
      throw new Refusal(status.INVALID_ARGUMENT, `the request is larger than ${maxCsrBytes} bytes`);
    }
    const csr = parseCsr(request.csrDer);
    if (!csr.ok) throw new Refusal(status.INVALID_ARGUMENT, `${csr.reason}: ${csr.detail}`);
    // Said before the token is used up: it will be needed for the next try.
    if (csr.value.requested.ca || csr.value.requested.otherNames > 0) {
      throw new Refusal(status.INVALID_ARGUMENT, csrObjection(csr.value, '') ?? 'the request asks for too much');
    }
    return csr.value;
  }

  #renewing(peer: string): string {
    const spiffeId = this.#options.identify(peer);
    if (spiffeId === undefined) {
      throw new Refusal(status.UNAUTHENTICATED, 'neither a join token nor a valid client certificate');
    }
    if (!this.#renewals.take(spiffeId)) {
      throw new Refusal(status.RESOURCE_EXHAUSTED, `${spiffeId} renews more often than once in 5 s`);
    }
    return spiffeId;
  }

  /** Tokens are guessed by the wrong ones: an address that brought several of these must wait. */
  #joining(token: string, peer: string): string {
    const address = peer.replace(/:\d+$/, '');
    if (!this.#failures.has(address)) {
      throw new Refusal(status.RESOURCE_EXHAUSTED, 'too many bad join tokens from this address; try again later');
    }
    const { authority, redeem } = this.#options;
    const account = redeem(token);
    if (account === undefined) {
      this.#failures.take(address);
      throw new Refusal(status.UNAUTHENTICATED, 'the join token is unknown, expired or used already');
    }
    const id = formatSpiffeId(authority.trustDomain, account.namespace, account.serviceAccount);
    if (!id.ok) throw new Refusal(status.INVALID_ARGUMENT, id.detail);
    if (id.value === controlPlaneId(authority.trustDomain)) {
      throw new Refusal(status.PERMISSION_DENIED, 'the identity of the control plane is its own');
    }
    return id.value;
  }
}

function toServiceError(error: unknown): { code: status; message: string } {
  if (error instanceof Refusal) return { code: error.code, message: error.message };
  // What went wrong inside is in the log, and is no one else's business.
  return { code: status.UNAVAILABLE, message: 'the certificate could not be issued; try again' };
}
