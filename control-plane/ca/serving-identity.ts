import { generateKeyPairSync } from 'node:crypto';
import net from 'node:net';
import { derToPem } from '../../certs/trust-bundle.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Timer, TimerWheel } from '../../lib/timer-wheel.ts';
import type { CertificateAuthority } from './certificate-authority.ts';

/** The SPIFFE id that a control plane proves to its proxies. */
export function controlPlaneId(trustDomain: string): string {
  return `spiffe://${trustDomain}/ns/heddle-system/sa/control-plane`;
}

/** Chain and key as a TLS server wants them, PEM. */
export interface ServingCertificate {
  readonly cert: string;
  readonly key: string;
}

const retryMs = 60_000;

/** The control plane's own SVID. The key lives in memory only; each renewal makes a new one. */
export class ServingIdentity {
  readonly #authority: CertificateAuthority;
  readonly #address: string;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #timer: Timer;
  readonly #onRenewed: (certificate: ServingCertificate) => void;
  #closed = false;

  /** `onRenewed` gets the first certificate too, before {@link start} resolves. */
  constructor(options: {
    authority: CertificateAuthority;
    /** Address that the server binds; named in the certificate when it is an IP address. */
    address: string;
    clock: Clock;
    wheel: TimerWheel;
    log: Log;
    onRenewed: (certificate: ServingCertificate) => void;
  }) {
    this.#authority = options.authority;
    this.#address = options.address;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#onRenewed = options.onRenewed;
    this.#timer = options.wheel.timer(() => {
      this.#renew().catch((error: unknown) => {
        this.#log.error('own certificate could not be renewed', { error: String(error) });
        if (!this.#closed) this.#timer.start(retryMs);
      });
    });
  }

  /** Makes the first certificate. */
  start(): Promise<void> {
    return this.#renew();
  }

  close(): void {
    this.#closed = true;
    this.#timer.stop();
  }

  async #renew(): Promise<void> {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    const extra = net.isIP(this.#address) !== 0 && !['127.0.0.1', '0.0.0.0', '::'].includes(this.#address);
    const issued = await this.#authority.issue(publicKey, controlPlaneId(this.#authority.trustDomain), {
      dnsNames: ['localhost'],
      ipAddresses: ['127.0.0.1', ...(extra ? [this.#address] : [])],
    });
    if (this.#closed) return;
    this.#onRenewed({
      cert: issued.chainDer.map(derToPem).join(''),
      key: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    });
    this.#timer.start((issued.notAfter - this.#clock.wallTime()) / 2);
  }
}
