import { generateKeyPairSync } from 'node:crypto';
import net from 'node:net';
import { derToPem } from '../certs/trust-bundle.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { CertificateAuthority } from './ca/certificate-authority.ts';
import { controlPlaneId } from './ca/serving-identity.ts';
import { defaultInjectOptions } from './inject/options.ts';
import { startWebhook } from './inject/webhook.ts';

const retryMs = 60_000;
/** Names under which an API server calls; `trust-bundle.pem` is its `caBundle`. */
const dnsNames = ['heddle-control-plane.heddle-system.svc', 'heddle-control-plane.heddle-system.svc.cluster.local'];

export interface InjectionOptions {
  /** Where the CA is. */
  readonly stateDir: string;
  readonly trustDomain: string;
  readonly address: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Injection {
  readonly port: number;
  close(): Promise<void>;
}

/** Serves the injection webhook with a certificate of the mesh's own CA, renewed at half of its life. */
export async function startInjection(options: InjectionOptions): Promise<Injection> {
  const { stateDir, trustDomain, address, clock, log } = options;
  const authority = await CertificateAuthority.open({ stateDir, trustDomain, clock });
  const issue = async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    const specific = net.isIP(address) !== 0 && !['127.0.0.1', '0.0.0.0', '::'].includes(address);
    const { chainDer, notAfter } = await authority.issue(publicKey, controlPlaneId(trustDomain), {
      dnsNames: [...dnsNames, 'localhost'],
      ipAddresses: ['127.0.0.1', ...(specific ? [address] : [])],
    });
    const privateKeyPem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
    return { chainPem: chainDer.map(derToPem).join(''), privateKeyPem, notAfter };
  };
  let certificate = await issue();
  const webhook = await startWebhook({
    address,
    port: options.port,
    certificate: () => certificate,
    inject: { ...defaultInjectOptions, trustDomain },
    log,
  });
  let timer: NodeJS.Timeout | undefined;
  const schedule = (delayMs: number): void => {
    timer = setTimeout(() => {
      issue()
        .then((renewed) => {
          certificate = renewed;
          webhook.reloadCertificate();
          schedule((renewed.notAfter - clock.wallTime()) / 2);
        })
        .catch((error: unknown) => {
          log.error('the certificate of the webhook could not be renewed', { error: String(error) });
          schedule(retryMs);
        });
    }, delayMs).unref();
  };
  schedule((certificate.notAfter - clock.wallTime()) / 2);
  return {
    port: webhook.port,
    close: () => {
      clearTimeout(timer);
      return webhook.close();
    },
  };
}
