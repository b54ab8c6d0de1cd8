import { once } from 'node:events';
import type net from 'node:net';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { TimerWheel } from '../../lib/timer-wheel.ts';
import type { Watch } from '../../lib/watch.ts';
import type { ProxyConfig, ProxyStatus } from '../../proto/api/v1.ts';
import { CertificateAuthority } from '../ca/certificate-authority.ts';
import { certificateService } from '../ca/certificate-service.ts';
import { type ServingCertificate, ServingIdentity } from '../ca/serving-identity.ts';
import { registrationService } from '../registration/registration-service.ts';
import type { MeshSnapshot } from '../registry/mesh-snapshot.ts';
import type { Registrations } from '../sources/registrations.ts';
import type { TokenStore } from '../store/token-store.ts';
import { describeResource } from '../translate/describe-resource.ts';
import { adsService } from '../xds/ads-service.ts';
import { typeUrls } from '../xds/resource.ts';
import { SnapshotCache } from '../xds/snapshot-cache.ts';
import { Peers } from './peers.ts';
import { ProxyStreams } from './proxy-streams.ts';
import { createTlsServer, replaceCertificate } from './tls-server.ts';

export interface ServingOptions {
  readonly snapshots: Watch<MeshSnapshot>;
  readonly tokens: Pick<TokenStore, 'redeem'>;
  readonly registrations: Registrations;
  readonly stateDir: string;
  readonly trustDomain: string;
  readonly address: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** The running mTLS port of the control plane: discovery, certificates, registration. */
export interface Serving {
  readonly port: number;
  /** Proxies that are connected, and those that left in the last 10 minutes. */
  proxies(): ProxyStatus[];
  /** Resources of a connected proxy as ProtoJSON; `type` is clusters, endpoints, listeners, routes or secrets. */
  proxyConfig(id: string, type: string): ProxyConfig | undefined;
  /** Roots of the trust domain. */
  readonly trustBundlePem: string;
  close(): Promise<void>;
}

const maxMessageBytes = 16 * 1024 * 1024;
const configTypes = new Map(Object.entries(typeUrls).map(([name, typeUrl]) => [`${name}s`, typeUrl]));

/**
 * Opens the CA and serves on one port. Rejects when the CA's files must not be used or the port cannot be bound, and
 * leaves nothing running then.
 */
export async function startServing(options: ServingOptions): Promise<Serving> {
  const { stateDir, trustDomain, clock, log } = options;
  const authority = await CertificateAuthority.open({ trustDomain, stateDir, clock });
  const wheel = new TimerWheel(100, 600, clock);
  const cache = new SnapshotCache();
  const peers = new Peers();
  const streams = new ProxyStreams({ ...options, cache, rootsPem: authority.trustBundlePem });
  const grpc = createGrpcServer(options, { authority, cache, peers, streams, wheel });
  const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure());
  const { identity, certificate, follow } = await startIdentity(options, authority, wheel);
  const server = createTlsServer({
    certificate,
    roots: authority.roots,
    trustDomain,
    peers,
    clock,
    wheel,
    log,
    onConnection: (socket) => injector.injectConnection(socket),
  });
  follow((renewed) => replaceCertificate(server, renewed, authority.roots));
  const close = async (): Promise<void> => {
    identity.close();
    streams.close();
    const closed = server.listening ? once(server, 'close') : undefined;
    server.close();
    peers.closeAll();
    injector.destroy();
    grpc.forceShutdown();
    await closed;
    wheel.close();
  };
  try {
    server.listen(options.port, options.address);
    await once(server, 'listening');
  } catch (error) {
    await close();
    throw error;
  }
  return {
    port: (server.address() as net.AddressInfo).port,
    trustBundlePem: authority.trustBundlePem,
    proxies: () => streams.rows(),
    proxyConfig: (id, type) => describeConfig(cache, streams, id, type),
    close,
  };
}

interface Parts {
  readonly authority: CertificateAuthority;
  readonly cache: SnapshotCache;
  readonly peers: Peers;
  readonly streams: ProxyStreams;
  readonly wheel: TimerWheel;
}

/** The services. `Sign` takes a token or an SVID; everything else wants an SVID, which each handler asks for itself. */
function createGrpcServer(options: ServingOptions, { authority, cache, peers, streams, wheel }: Parts): Server {
  const { clock, log, tokens, registrations, snapshots } = options;
  const identify = (peer: string) => peers.identify(peer);
  const server = new Server({
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.max_send_message_length': -1,
    'grpc.max_concurrent_streams': 100,
    'grpc.keepalive_time_ms': 30_000,
    'grpc.keepalive_timeout_ms': 20_000,
    'grpc.max_connection_idle_ms': 300_000,
  });
  const services = [
    adsService({
      cache,
      clock,
      wheel,
      log,
      identify,
      disconnect: (peer) => peers.disconnect(peer),
      admit: (node, identity) => streams.admit(node, identity),
      onOpen: (key, connection) => streams.open(key, connection),
      onClose: (key) => streams.closeStream(key),
      onNack: (connection, nack) => {
        const { type, error, count } = nack;
        log.warn('proxy refused its configuration', { node: connection.node.id, type, error, count });
      },
    }),
    certificateService({ authority, redeem: (token) => tokens.redeem(token), identify, clock, log }),
    registrationService({
      registrations,
      identify,
      ownerOf: (namespace, name) => snapshots.value.workloads.get(`${namespace}/${name}`)?.serviceAccount,
      log,
    }),
  ];
  for (const { definition, implementation } of services) server.addService(definition, implementation);
  return server;
}

/** Makes the first certificate of the control plane; `follow` hears of the later ones. */
async function startIdentity(
  { address, clock, log }: ServingOptions,
  authority: CertificateAuthority,
  wheel: TimerWheel,
): Promise<{
  identity: ServingIdentity;
  certificate: ServingCertificate;
  follow: (listener: (certificate: ServingCertificate) => void) => void;
}> {
  let certificate: ServingCertificate = { cert: '', key: '' };
  let listener: (certificate: ServingCertificate) => void = () => {};
  const onRenewed = (renewed: ServingCertificate) => {
    certificate = renewed;
    listener(renewed);
  };
  const identity = new ServingIdentity({ authority, address, clock, wheel, log, onRenewed });
  await identity.start();
  return {
    identity,
    certificate,
    follow: (next) => {
      listener = next;
    },
  };
}

function describeConfig(
  cache: SnapshotCache,
  streams: ProxyStreams,
  id: string,
  type: string,
): ProxyConfig | undefined {
  const key = streams.keyOf(id);
  const typeUrl = configTypes.get(type);
  if (key === undefined || typeUrl === undefined) return undefined;
  const resources = [...(cache.get(key)?.get(typeUrl)?.values() ?? [])];
  return {
    id,
    type,
    resources: resources.map((resource) => ({
      name: resource.name,
      version: resource.version,
      config: describeResource(typeUrl, resource),
    })),
  };
}
