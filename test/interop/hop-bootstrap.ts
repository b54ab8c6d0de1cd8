/** An SVID with its key and the root that vouches for the others, PEM all. */
export interface HopIdentity {
  readonly chainPem: string;
  readonly privateKeyPem: string;
  readonly rootPem: string;
}

type Json = Record<string, unknown>;

/** Plain HTTP/1 in on `port`, HTTP/2 over mutual TLS out to `upstreamPort`, where `expectedId` must be. */
export function callingProxy(port: number, upstreamPort: number, identity: HopIdentity, expectedId: string): Json {
  const tls = {
    '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
    sni: 'called.mesh.test',
    common_tls_context: commonTls(identity, [expectedId]),
  };
  const http2 = {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
      explicit_http_config: { http2_protocol_options: {} },
    },
  };
  return bootstrap(port, undefined, {
    ...cluster(upstreamPort),
    typed_extension_protocol_options: http2,
    transport_socket: { name: 'envoy.transport_sockets.tls', typed_config: tls },
  });
}

/** Mutual TLS in on `port` from `allowedIds` only, plain HTTP/1 out to the application. */
export function calledProxy(port: number, appPort: number, identity: HopIdentity, allowedIds: readonly string[]): Json {
  const tls = {
    '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
    require_client_certificate: true,
    common_tls_context: commonTls(identity, allowedIds),
  };
  return bootstrap(port, { name: 'envoy.transport_sockets.tls', typed_config: tls }, cluster(appPort));
}

function commonTls({ chainPem, privateKeyPem, rootPem }: HopIdentity, ids: readonly string[]): Json {
  return {
    tls_params: { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' },
    alpn_protocols: ['h2', 'http/1.1'],
    tls_certificates: [
      { certificate_chain: { inline_string: chainPem }, private_key: { inline_string: privateKeyPem } },
    ],
    validation_context: {
      trusted_ca: { inline_string: rootPem },
      match_typed_subject_alt_names: ids.map((exact) => ({ san_type: 'URI', matcher: { exact } })),
    },
  };
}

function bootstrap(port: number, transportSocket: Json | undefined, target: Json): Json {
  const manager = {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    stat_prefix: 'hop',
    route_config: {
      name: 'all',
      virtual_hosts: [
        {
          name: 'all',
          domains: ['*'],
          routes: [{ match: { prefix: '/' }, route: { cluster: 'next', timeout: '15s' } }],
        },
      ],
    },
    http_filters: [
      {
        name: 'envoy.filters.http.router',
        typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
      },
    ],
  };
  const chain = {
    filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }],
    ...(transportSocket === undefined ? {} : { transport_socket: transportSocket }),
  };
  return {
    static_resources: {
      listeners: [{ name: 'in', address: address(port), filter_chains: [chain] }],
      clusters: [target],
    },
  };
}

function cluster(port: number): Json {
  return {
    name: 'next',
    type: 'STATIC',
    connect_timeout: '2s',
    load_assignment: {
      cluster_name: 'next',
      endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }],
    },
  };
}

function address(port: number): Json {
  return { socket_address: { address: '127.0.0.1', port_value: port } };
}
