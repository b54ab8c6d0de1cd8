/** Envoy messages in their JSON form. */
type Json = Record<string, unknown>;

export interface ClusterOptions {
  readonly name?: string;
  readonly ports: readonly number[];
  /** Fields of the Cluster beside the endpoints. */
  readonly fields?: Json;
  readonly http2?: boolean;
}

export interface HttpOptions {
  /** Fields of the `route` action beside the cluster. */
  readonly route?: Json;
  readonly clusters: readonly ClusterOptions[];
  /** Fields of the HttpConnectionManager. */
  readonly manager?: Json;
  /** Before the router. */
  readonly filters?: readonly Json[];
  /** Top-level fields of the bootstrap. */
  readonly top?: Json;
  /** The proxy is inside the mesh and believes its neighbours; by default it is an edge. */
  readonly inside?: boolean;
}

export const httpListener = 'ingress';

/** A bootstrap with one HTTP listener `ingress` on a free port and one route for everything. */
export function httpBootstrap(options: HttpOptions): Json {
  const [first] = options.clusters;
  return {
    admin: { address: address(0) },
    static_resources: {
      listeners: [
        {
          name: httpListener,
          address: address(0),
          ...(options.inside === true ? { traffic_direction: 'INBOUND' } : {}),
          filter_chains: [{ filters: [connectionManager(options, first?.name ?? 'app')] }],
        },
      ],
      clusters: options.clusters.map(cluster),
    },
    ...options.top,
  };
}

function connectionManager(options: HttpOptions, clusterName: string): Json {
  return {
    name: 'envoy.filters.network.http_connection_manager',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
      stat_prefix: 'ingress',
      use_remote_address: options.inside !== true,
      route_config: {
        name: 'routes',
        virtual_hosts: [
          {
            name: 'all',
            domains: ['*'],
            routes: [{ match: { prefix: '/' }, route: { cluster: clusterName, ...options.route } }],
          },
        ],
      },
      http_filters: [
        ...(options.filters ?? []),
        {
          name: 'envoy.filters.http.router',
          typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
        },
      ],
      ...options.manager,
    },
  };
}

function cluster({ name = 'app', ports, fields, http2 }: ClusterOptions): Json {
  const options = {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
      explicit_http_config: { http2_protocol_options: {} },
    },
  };
  return {
    name,
    type: 'STATIC',
    connect_timeout: '1s',
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: ports.map((port) => ({ endpoint: { address: address(port) } })) }],
    },
    ...(http2 === true ? { typed_extension_protocol_options: options } : {}),
    ...fields,
  };
}

/** A socket address on loopback. */
export function address(port: number): Json {
  return { socket_address: { address: '127.0.0.1', port_value: port } };
}
