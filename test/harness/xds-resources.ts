import { Cluster } from '../../proto/gen/envoy/config/cluster/v3/cluster.ts';
import { ClusterLoadAssignment } from '../../proto/gen/envoy/config/endpoint/v3/endpoint.ts';
import { Listener } from '../../proto/gen/envoy/config/listener/v3/listener.ts';
import { RouteConfiguration } from '../../proto/gen/envoy/config/route/v3/route.ts';
import { HttpConnectionManager } from '../../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.ts';
import { TcpProxy } from '../../proto/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.ts';
import { Secret } from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/secret.ts';
import { DownstreamTlsContext } from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/tls.ts';
import type { Any } from '../../proto/gen/google/protobuf/any.ts';
import type { Sent } from './ads-server.ts';

// Resources as an xDS server sends them, written in ProtoJSON as Envoy's own documentation does.

interface Codec<M> {
  $type: string;
  fromJSON(json: unknown): M;
  encode(message: M): { finish(): Uint8Array };
}

/** Any message as an `Any`, for `typed_config`. */
export function pack<M>(codec: Codec<M>, json: unknown): Any {
  const value = Buffer.from(codec.encode(codec.fromJSON(json)).finish());
  return { $type: 'google.protobuf.Any', typeUrl: `type.googleapis.com/${codec.$type}`, value };
}

function send<M>(codec: Codec<M>, name: string, version: string, json: unknown): Sent {
  const { typeUrl, value } = pack(codec, json);
  return { name, version, typeUrl, bytes: value };
}

export const ads = { ads: {}, resourceApiVersion: 'V3' };

export function edsCluster(name: string, more: object = {}, version = '1'): Sent {
  const json = { name, type: 'EDS', edsClusterConfig: { edsConfig: ads }, connectTimeout: '1s', ...more };
  return send(Cluster, name, version, json);
}

export function staticCluster(name: string, port: number, version = '1'): Sent {
  const loadAssignment = { clusterName: name, endpoints: [{ lbEndpoints: [lbEndpoint('127.0.0.1', port)] }] };
  return send(Cluster, name, version, { name, type: 'STATIC', loadAssignment });
}

export function dnsCluster(name: string, host: string, version = '1'): Sent {
  const loadAssignment = { clusterName: name, endpoints: [{ lbEndpoints: [lbEndpoint(host, 80)] }] };
  return send(Cluster, name, version, { name, type: 'STRICT_DNS', loadAssignment });
}

export function lbEndpoint(address: string, portValue: number, more: object = {}) {
  return { endpoint: { address: { socketAddress: { address, portValue } } }, ...more };
}

export function assignment(name: string, addresses: readonly string[], version = '1'): Sent {
  const lbEndpoints = addresses.map((address) => lbEndpoint(address, 80));
  return send(ClusterLoadAssignment, name, version, { clusterName: name, endpoints: [{ lbEndpoints }] });
}

export function routes(name: string, clusters: readonly string[], version = '1'): Sent {
  const virtualHosts = [
    {
      name: 'all',
      domains: ['*'],
      routes: clusters.map((cluster) => ({ match: { prefix: `/${cluster}` }, route: { cluster } })),
    },
  ];
  return send(RouteConfiguration, name, version, { name, virtualHosts });
}

export function httpFilter(config: object) {
  return { name: 'http', typedConfig: anyJson(pack(HttpConnectionManager, { statPrefix: 'test', ...config })) };
}

export function rdsListener(name: string, port: number, table: string, version = '1'): Sent {
  const filter = httpFilter({ rds: { routeConfigName: table, configSource: ads } });
  return listener(name, port, [{ filters: [filter] }], version);
}

export function tcpListener(name: string, port: number, cluster: string, version = '1'): Sent {
  const typedConfig = anyJson(pack(TcpProxy, { statPrefix: 'test', cluster }));
  return listener(name, port, [{ filters: [{ name: 'tcp', typedConfig }] }], version);
}

export function tlsSocket(certificate: string) {
  const context = {
    commonTlsContext: { tlsCertificateSdsSecretConfigs: [{ name: certificate, sdsConfig: ads }] },
  };
  return { name: 'tls', typedConfig: anyJson(pack(DownstreamTlsContext, context)) };
}

export function listener(name: string, port: number, filterChains: readonly object[], version = '1'): Sent {
  const address = { socketAddress: { address: '127.0.0.1', portValue: port } };
  return send(Listener, name, version, { name, address, filterChains });
}

export function certificateSecret(name: string, chainPem: string, keyPem: string, version = '1'): Sent {
  const tlsCertificate = { certificateChain: { inlineString: chainPem }, privateKey: { inlineString: keyPem } };
  return send(Secret, name, version, { name, tlsCertificate });
}

export function rootsSecret(name: string, pem: string, version = '1'): Sent {
  return send(Secret, name, version, { name, validationContext: { trustedCa: { inlineString: pem } } });
}

/** ts-proto reads an `Any` from JSON by its registry, which knows every imported message. */
function anyJson(any: Any): unknown {
  const codec = codecs.find(({ $type }) => any.typeUrl.endsWith(`/${$type}`));
  if (codec === undefined) throw new Error(`no codec for ${any.typeUrl}`);
  return { '@type': any.typeUrl, ...(codec.toJSON(codec.decode(any.value) as never) as object) };
}

const codecs = [HttpConnectionManager, TcpProxy, DownstreamTlsContext];
