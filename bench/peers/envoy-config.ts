import { type MutualTlsFiles, spiffeId } from './certificates.ts';
import { routeCount, type Shape } from './shape.ts';

// Envoy bootstrap files, read by Envoy and by Heddle alike.

type Json = Readonly<Record<string, unknown>>;

const http = 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const router = 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router';
const tcpProxy = 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy';
const httpOptions = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
const upstreamTls = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext';
const downstreamTls = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext';

const address = (port: number): Json => ({ socket_address: { address: '127.0.0.1', port_value: port } });

/** No limit that a benchmark meets. */
const breakers = {
  thresholds: [{ max_connections: 8_192, max_pending_requests: 8_192, max_requests: 8_192, max_retries: 3 }],
};

function cluster(name: string, port: number, rest: Json = {}): Json {
  return {
    name,
    type: 'STATIC',
    connect_timeout: '1s',
    circuit_breakers: breakers,
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }],
    },
    ...rest,
  };
}

const spokenUpstream = (protocol: 'http_protocol_options' | 'http2_protocol_options'): Json => ({
  typed_extension_protocol_options: {
    [httpOptions]: {
      '@type': `type.googleapis.com/${httpOptions}`,
      explicit_http_config: { [protocol]: {} },
    },
  },
});

const listener = (name: string, port: number, chain: Json, rest: Json = {}): Json => ({
  name,
  address: address(port),
  filter_chains: [{ name: 'bench', ...chain }],
  ...rest,
});

function httpChain(routes: readonly Json[], rest: Json = {}): Json {
  const manager = {
    '@type': http,
    stat_prefix: 'bench',
    codec_type: 'AUTO',
    route_config: { name: 'bench', virtual_hosts: [{ name: 'bench', domains: ['*'], routes }] },
    http_filters: [{ name: 'envoy.filters.http.router', typed_config: { '@type': router } }],
    ...rest,
  };
  return { filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }] };
}

const route = (prefix: string, to: string): Json => ({
  match: { prefix },
  route: { cluster: to, timeout: '0s' },
});

const commonTls = {
  tls_params: { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' },
  tls_certificate_sds_secret_configs: [{ name: 'default' }],
  combined_validation_context: {
    default_validation_context: { match_typed_subject_alt_names: [{ san_type: 'URI', matcher: { exact: spiffeId } }] },
    validation_context_sds_secret_config: { name: 'ROOTCA' },
  },
};

const secrets = ({ ca, certificate, key }: MutualTlsFiles): Json[] => [
  {
    name: 'default',
    tls_certificate: { certificate_chain: { filename: certificate }, private_key: { filename: key } },
  },
  { name: 'ROOTCA', validation_context: { trusted_ca: { filename: ca } } },
];

const bootstrap = (listeners: readonly Json[], clusters: readonly Json[], more: readonly Json[] = []): Json => ({
  node: { id: 'bench', cluster: 'bench' },
  static_resources: { listeners, clusters, ...(more.length === 0 ? {} : { secrets: more }) },
});

/** One proxy in a shape that is not of two and has no TLS. */
export function plainConfig(shape: Shape, port: number, upstream: number): Json {
  if (shape === 'tcp') {
    const relay = { '@type': tcpProxy, stat_prefix: 'bench', cluster: 'app' };
    const filters = [{ name: 'envoy.filters.network.tcp_proxy', typed_config: relay }];
    return bootstrap([listener('gateway', port, { filters })], [cluster('app', upstream)]);
  }
  if (shape === 'routes') {
    const numbers = Array.from({ length: routeCount }, (_, index) => index);
    return bootstrap(
      [listener('gateway', port, httpChain(numbers.map((n) => route(`/route/${n}/`, `app${n}`))))],
      numbers.map((n) => cluster(`app${n}`, upstream)),
    );
  }
  const both = shape === 'grpc-unary' || shape === 'grpc-stream';
  const rest = shape === 'websocket' ? { upgrade_configs: [{ upgrade_type: 'websocket' }] } : {};
  return bootstrap(
    [listener('gateway', port, httpChain([route('/', 'app')], rest))],
    [cluster('app', upstream, both ? spokenUpstream('http2_protocol_options') : {})],
  );
}

/** The proxy that ends mutual TLS. `protocol` is what the two of a pair speak to each other. */
export function farConfig(files: MutualTlsFiles, port: number, upstream: number): Json {
  const socket = { '@type': downstreamTls, require_client_certificate: true, common_tls_context: commonTls };
  const chain = {
    ...httpChain([route('/', 'app')]),
    transport_socket: { name: 'envoy.transport_sockets.tls', typed_config: socket },
  };
  return bootstrap(
    [listener('inbound', port, chain, { traffic_direction: 'INBOUND' })],
    [cluster('app', upstream)],
    secrets(files),
  );
}

/** The proxy that begins it. */
export function nearConfig(files: MutualTlsFiles, port: number, far: number): Json {
  const socket = { '@type': upstreamTls, sni: 'app.bench', common_tls_context: commonTls };
  return bootstrap(
    [listener('outbound', port, httpChain([route('/', 'far')]), { traffic_direction: 'OUTBOUND' })],
    [cluster('far', far, { transport_socket: { name: 'envoy.transport_sockets.tls', typed_config: socket } })],
    secrets(files),
  );
}
