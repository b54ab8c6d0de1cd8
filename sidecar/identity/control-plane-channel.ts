import tls from 'node:tls';
import { ChannelCredentials, type ChannelOptions } from '@grpc/grpc-js';
import { parseCertificate } from '../../certs/certificate.ts';
import { chainOf } from '../../certs/peer-chain.ts';
import { refused } from '../../certs/result.ts';
import { parseSpiffeId } from '../../certs/spiffe-id.ts';
import { parseTrustBundle } from '../../certs/trust-bundle.ts';
import { type Verified, verifySvid } from '../../certs/verify.ts';

/** Path of the id that a control plane proves. */
export const controlPlanePath = '/ns/heddle-system/sa/control-plane';

/** A certificate with its key, to prove who we are. PEM. */
export interface ClientCertificate {
  chainPem: string;
  privateKeyPem: string;
}

export interface ControlPlaneTrust {
  /** Roots that may vouch for the control plane. */
  rootsPem: string;
  /** The trust domain it must be of; `undefined` before the first certificate: then any that the roots vouch for. */
  trustDomain: string | undefined;
  /** Milliseconds since the epoch. */
  now(): number;
}

/**
 * TLS 1.3 to the control plane, mutual when `client` is given. The server is verified from DER as the SVID
 * `spiffe://<trust domain>/ns/heddle-system/sa/control-plane`; host names play no part.
 */
export function controlPlaneCredentials(trust: ControlPlaneTrust, client?: ClientCertificate): ChannelCredentials {
  const context = tls.createSecureContext({
    ca: trust.rootsPem,
    minVersion: 'TLSv1.3',
    ...(client === undefined ? {} : { cert: client.chainPem, key: client.privateKeyPem }),
  });
  return ChannelCredentials.createFromSecureContext(context, {
    checkServerIdentity: (_host, certificate) => {
      const result = verifyControlPlane(chainOf(certificate), trust);
      return result.ok ? undefined : new Error(`control plane refused: ${result.reason}: ${result.detail}`);
    },
  });
}

/** Options of every channel to a server of configuration. */
export const channelOptions: ChannelOptions = {
  'grpc.max_receive_message_length': 16 * 1024 * 1024,
  'grpc.keepalive_time_ms': 30_000,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc.keepalive_permit_without_calls': 1,
  // Each connection is made anew, with the certificate of the day; when, is for our own back-off to say.
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_retries': 0,
};

/** Options of every channel to the control plane. */
export const controlPlaneChannelOptions: ChannelOptions = {
  ...channelOptions,
  // An IP address may not be sent as a server name.
  'grpc.ssl_target_name_override': 'control-plane.heddle-system',
};

/** Verifies what the server sent. Never throws. */
export function verifyControlPlane(chain: readonly Buffer[], trust: ControlPlaneTrust): Verified {
  const roots = parseTrustBundle(trust.rootsPem);
  if (!roots.ok) return refused('unknown-authority', roots.detail);
  const trustDomain = trust.trustDomain ?? claimedTrustDomain(chain[0]);
  return verifySvid(chain, {
    roots: roots.value,
    trustDomain,
    now: trust.now(),
    allowedIds: [`spiffe://${trustDomain}${controlPlanePath}`],
  });
}

function claimedTrustDomain(leaf: Buffer | undefined): string {
  const parsed = leaf === undefined ? undefined : parseCertificate(leaf);
  const id = parseSpiffeId((parsed?.ok && parsed.value.extensions.uris[0]) || '');
  return id.ok ? id.value.trustDomain : '';
}
