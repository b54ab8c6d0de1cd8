import { isIPv6 } from 'node:net';
import { ChannelCredentials, type ChannelOptions } from '@grpc/grpc-js';
import { readAlternativeNames } from '../../certs/alternative-names.ts';
import { chainOf } from '../../certs/peer-chain.ts';
import { parseSpiffeId } from '../../certs/spiffe-id.ts';
import { parseTrustBundle } from '../../certs/trust-bundle.ts';
import { verifySvid } from '../../certs/verify.ts';
import { Cluster } from '../../proto/gen/envoy/config/cluster/v3/cluster.ts';
import type { UpstreamTlsConfig } from '../cluster/cluster-config.ts';
import { channelOptions } from '../identity/control-plane-channel.ts';
import type { SecretSource } from '../tls/secret.ts';
import { matchesServerName, type ServerNameMatch } from '../tls/server-name-match.ts';

/** The addresses of a static cluster as gRPC names them: `ipv4:10.0.0.1:18000`, or `dns:///host:port`. */
export function grpcTarget(encoded: Uint8Array): string {
  const assignment = Cluster.decode(encoded).loadAssignment;
  const addresses = (assignment?.endpoints ?? []).flatMap(({ lbEndpoints }) =>
    lbEndpoints.flatMap(({ hostIdentifier: host }) => {
      const address = host?.$case === 'endpoint' ? host.value.address?.address : undefined;
      if (address?.$case !== 'socketAddress') return [];
      const { address: name, portSpecifier: port } = address.value;
      return [{ name, port: port?.$case === 'portValue' ? port.value : 0 }];
    }),
  );
  const [first] = addresses;
  if (first === undefined) return '';
  if (/^[\d.]+$/.test(first.name)) return `ipv4:${addresses.map(({ name, port }) => `${name}:${port}`).join(',')}`;
  if (isIPv6(first.name)) return `ipv6:${addresses.map(({ name, port }) => `[${name}]:${port}`).join(',')}`;
  return `dns:///${first.name}:${first.port}`;
}

/** Credentials of the day for a cluster's TLS; plaintext without. Throws when a secret is missing. */
export function grpcCredentials(
  tls: UpstreamTlsConfig | undefined,
  secrets: SecretSource,
  wallTime: () => number,
): ChannelCredentials {
  if (tls === undefined) return ChannelCredentials.createInsecure();
  const certificate = secrets.get(tls.certificateSecret);
  const roots = secrets.get(tls.validationSecret);
  if (roots?.kind !== 'validation') throw new Error(`the secret ${tls.validationSecret} is not there`);
  const [key, chain] =
    certificate?.kind === 'certificate'
      ? [Buffer.from(certificate.privateKeyPem), Buffer.from(certificate.chainPem)]
      : [null, null];
  const { expectedIds, serverNames } = tls;
  return ChannelCredentials.createSsl(Buffer.from(roots.rootsPem), key, chain, {
    checkServerIdentity: (_host, peer) =>
      serverNames === undefined
        ? checkSpiffeId(chainOf(peer), expectedIds, roots.rootsPem, wallTime())
        : checkServerName(peer.raw, serverNames),
  });
}

function checkServerName(certificate: Buffer, names: readonly ServerNameMatch[]): Error | undefined {
  if (matchesServerName(names, readAlternativeNames(certificate))) return undefined;
  return new Error('server refused: its certificate is for another name');
}

function checkSpiffeId(
  chain: readonly Buffer[],
  allowedIds: readonly string[],
  rootsPem: string,
  now: number,
): Error | undefined {
  const roots = parseTrustBundle(rootsPem);
  const id = parseSpiffeId(allowedIds[0] ?? '');
  if (!roots.ok) return new Error(roots.detail);
  if (!id.ok) return new Error(id.detail);
  const verified = verifySvid(chain, { roots: roots.value, trustDomain: id.value.trustDomain, now, allowedIds });
  return verified.ok ? undefined : new Error(`server refused: ${verified.reason}: ${verified.detail}`);
}

/** Options of the channel. `serverName` is what the certificate must be for, where no SPIFFE id is asked. */
export function grpcOptions(serverName: string, authority: string): ChannelOptions {
  return {
    ...channelOptions,
    ...(serverName === '' ? {} : { 'grpc.ssl_target_name_override': serverName }),
    ...(authority === '' ? {} : { 'grpc.default_authority': authority }),
  };
}
