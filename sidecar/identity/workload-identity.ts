import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { parseTrustBundle, pemToDer } from '../../certs/trust-bundle.ts';
import { verifySvid } from '../../certs/verify.ts';
import { Backoff } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Random } from '../../lib/random.ts';
import type { Timer, TimerWheel } from '../../lib/timer-wheel.ts';
import { CertificateServiceClient, type SignResponse } from '../../proto/gen/heddle/ca/v1/ca.ts';
import { type Identity, makeRequest, readSignResponse } from './certificate-request.ts';
import {
  type ClientCertificate,
  type ControlPlaneTrust,
  controlPlaneChannelOptions,
  controlPlaneCredentials,
} from './control-plane-channel.ts';
import type { IdentityFile } from './identity-file.ts';
import type { SecretStore } from './secret-store.ts';

export interface IdentityOptions {
  /** `host:port` of the control plane. */
  controlPlane: string;
  /** Roots given at the start, PEM. */
  trustBundlePem: string;
  /** Who this proxy was started as; an answer for someone else is an error of configuration. */
  namespace: string;
  serviceAccount: string;
  /** Reads the join token; asked for at each attempt, so that a file may be replaced. */
  joinToken(): string | undefined;
  file: IdentityFile | undefined;
  secrets: SecretStore;
  clock: Clock;
  wheel: TimerWheel;
  random: Random;
  log: Log;
}

/** Names under which TLS contexts find our certificate and our roots. */
export const ownCertificateName = 'default';
export const rootsName = 'ROOTCA';

const signDeadlineMs = 10_000;

/** The CA will not give this proxy a certificate; trying again changes nothing. */
export class IdentityRefused extends Error {
  override name = 'IdentityRefused';
}

/**
 * The proxy's X.509-SVID: asked for with a join token, renewed over mTLS at half of its life (give or take a tenth,
 * security.md L-47). The key never leaves the proxy (workers are handed it over a pipe), except sealed into the state
 * directory when there is one.
 */
export class WorkloadIdentity {
  readonly #options: IdentityOptions;
  readonly #timer: Timer;
  readonly #backoff: Backoff;
  readonly #stopWatchingRoots: () => void;
  #current: Identity;
  #closed = false;

  private constructor(options: IdentityOptions, current: Identity) {
    this.#options = options;
    this.#current = current;
    this.#backoff = new Backoff(1_000, 60_000, options.random);
    this.#timer = options.wheel.timer(() => void this.#renew());
    this.#stopWatchingRoots = options.secrets.subscribe(rootsName, (secret) => {
      if (secret.kind !== 'validation' || secret.rootsPem === this.#current.rootsPem) return;
      this.#current = { ...this.#current, rootsPem: secret.rootsPem };
      this.#store();
    });
    this.#publish();
    this.#scheduleRenewal();
  }

  /** Takes the stored identity, or asks the CA until it answers. Rejects with {@link IdentityRefused}. */
  static async start(options: IdentityOptions, signal?: AbortSignal): Promise<WorkloadIdentity> {
    const stored = readStored(options);
    if (stored !== undefined) return new WorkloadIdentity(options, stored);
    const backoff = new Backoff(1_000, 60_000, options.random);
    for (;;) {
      const answer = await requestIdentity(options, undefined);
      if (!(answer instanceof Error)) {
        const identity = new WorkloadIdentity(options, answer);
        identity.#store();
        return identity;
      }
      if (answer instanceof IdentityRefused) throw answer;
      if (signal?.aborted) throw answer;
      const delayMs = backoff.next();
      options.log.warn('no certificate yet', { error: answer.message, retryMs: delayMs });
      await delay(options.wheel, delayMs, signal);
      if (signal?.aborted) throw answer;
    }
  }

  get current(): Identity {
    return this.#current;
  }

  /** Whom to take for the control plane. */
  trust(): ControlPlaneTrust {
    return trustOf(this.#options, this.#current);
  }

  close(): void {
    this.#closed = true;
    this.#timer.stop();
    this.#stopWatchingRoots();
  }

  async #renew(): Promise<void> {
    const answer = await requestIdentity(this.#options, this.#current);
    if (this.#closed) return;
    const { clock, log } = this.#options;
    if (answer instanceof Error) {
      const delayMs = this.#backoff.next();
      const leftMs = this.#current.notAfter - clock.wallTime();
      const life = this.#current.notAfter - this.#current.notBefore;
      const fields = { error: answer.message, retryMs: delayMs, leftSeconds: Math.floor(leftMs / 1000) };
      if (leftMs < life / 4) log.error('certificate is not renewed', fields);
      else log.warn('certificate is not renewed', fields);
      this.#timer.start(delayMs);
      return;
    }
    this.#backoff.reset();
    this.#current = answer;
    this.#store();
    this.#publish();
    this.#scheduleRenewal();
    log.info('certificate renewed', { spiffeId: answer.spiffeId, notAfter: new Date(answer.notAfter).toISOString() });
  }

  #scheduleRenewal(): void {
    const { notBefore, notAfter } = this.#current;
    const share = 0.5 + (this.#options.random() - 0.5) * 0.2;
    const due = notBefore + (notAfter - notBefore) * share;
    this.#timer.start(Math.max(1, due - this.#options.clock.wallTime()));
  }

  #publish(): void {
    const { chainPem, privateKeyPem, notAfter, trustDomain, rootsPem } = this.#current;
    const { secrets } = this.#options;
    secrets.set({ kind: 'validation', name: rootsName, trustDomain, rootsPem });
    secrets.set({ kind: 'certificate', name: ownCertificateName, chainPem, privateKeyPem, notAfter });
  }

  #store(): void {
    try {
      this.#options.file?.write(this.#current);
    } catch (error) {
      this.#options.log.error('identity cannot be stored', { error: String(error) });
    }
  }
}

function delay(wheel: TimerWheel, delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const timer = wheel.start(delayMs, resolve);
    const stop = (): void => {
      timer.stop();
      resolve();
    };
    signal?.addEventListener('abort', stop, { once: true });
  });
}

/** What is stored is used while it is valid, ours, and vouched for by the roots given at the start. */
function readStored(options: IdentityOptions): Identity | undefined {
  const { file, clock, log, namespace, serviceAccount } = options;
  try {
    const stored = file?.read(clock.wallTime());
    if (stored?.namespace !== namespace || stored.serviceAccount !== serviceAccount) return undefined;
    const roots = parseTrustBundle(options.trustBundlePem);
    const { trustDomain } = stored;
    const check = { roots: roots.ok ? roots.value : [], trustDomain, now: clock.wallTime() };
    const verified = verifySvid(pemToDer(stored.chainPem), check);
    if (verified.ok) return stored;
    log.warn('stored identity is not used', { reason: verified.reason, detail: verified.detail });
  } catch (error) {
    log.warn('stored identity cannot be read', { error: String(error) });
  }
  return undefined;
}

/** Roots from the start and from the CA's last answer: either may know a newer one. */
function trustOf({ trustBundlePem, clock }: IdentityOptions, current: Identity | undefined): ControlPlaneTrust {
  const bundle = parseTrustBundle(trustBundlePem);
  const rootsPem = `${current?.rootsPem ?? ''}${bundle.ok ? trustBundlePem : ''}`;
  return { rootsPem, trustDomain: current?.trustDomain, now: () => clock.wallTime() };
}

/** One attempt. With a valid certificate it is a renewal, otherwise the join token must do. */
async function requestIdentity(options: IdentityOptions, current: Identity | undefined): Promise<Identity | Error> {
  const { clock, joinToken } = options;
  const valid = current !== undefined && current.notAfter > clock.wallTime();
  const token = valid ? '' : joinToken();
  if (token === undefined) return new IdentityRefused('no join token: give --join-token-file or --join-token');
  const { privateKey, csr } = await makeRequest();
  let response: SignResponse;
  try {
    response = await sign(options.controlPlane, trustOf(options, current), valid ? current : undefined, csr, token);
  } catch (error) {
    return signError(error, valid);
  }
  const identity = readSignResponse(response, privateKey, clock.wallTime());
  if (!identity.ok) return new Error(`answer of the CA: ${identity.detail}`);
  const { namespace, serviceAccount, spiffeId } = identity.value;
  if (namespace !== options.namespace || serviceAccount !== options.serviceAccount) {
    return new IdentityRefused(
      `the join token is for ${spiffeId}, but this proxy was started for namespace "${options.namespace}", service account "${options.serviceAccount}"`,
    );
  }
  return identity.value;
}

function signError(error: unknown, renewal: boolean): Error {
  const { code, details } = error as Partial<ServiceError>;
  const final =
    code === status.UNAUTHENTICATED || code === status.PERMISSION_DENIED || code === status.INVALID_ARGUMENT;
  const text = details ?? String(error);
  return final && !renewal ? new IdentityRefused(`the CA refused the request: ${text}`) : new Error(text);
}

function sign(
  controlPlane: string,
  trust: ControlPlaneTrust,
  client: ClientCertificate | undefined,
  csrDer: Buffer,
  joinToken: string,
): Promise<SignResponse> {
  const credentials = controlPlaneCredentials(trust, client);
  const service = new CertificateServiceClient(controlPlane, credentials, controlPlaneChannelOptions);
  // gRPC wants the wall clock here.
  const deadline = trust.now() + signDeadlineMs;
  return new Promise<SignResponse>((resolve, reject) => {
    service.sign(
      { $type: 'heddle.ca.v1.SignRequest', csrDer, joinToken },
      new Metadata(),
      { deadline },
      (error: ServiceError | null, response: SignResponse) => (error ? reject(error) : resolve(response)),
    );
  }).finally(() => service.close());
}
