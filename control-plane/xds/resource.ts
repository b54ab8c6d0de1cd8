/**
 * What the ADS server knows of a resource. It never looks inside: `bytes` is the encoded message that goes into
 * the `Any` under `typeUrl`.
 */
export interface XdsResource {
  readonly name: string;
  /** Changes exactly when the bytes do; a hash of them. */
  readonly version: string;
  readonly bytes: Uint8Array;
}

/** All resources meant for one node. An immutable value; unchanged types are the same object as before. */
export type NodeResources = ReadonlyMap<TypeUrl, ReadonlyMap<string, XdsResource>>;

export const typeUrls = {
  cluster: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  endpoint: 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
  listener: 'type.googleapis.com/envoy.config.listener.v3.Listener',
  route: 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
  secret: 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
} as const;

export type TypeUrl = (typeof typeUrls)[keyof typeof typeUrls];
