/** The resource types a proxy asks for, by the type URL of their `Any` (docs/xds-resources.md). */
export const typeUrls = {
  cluster: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  endpoint: 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
  listener: 'type.googleapis.com/envoy.config.listener.v3.Listener',
  route: 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
  secret: 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
} as const;

export type ResourceType = keyof typeof typeUrls;

/** In the order of a make-before-break update: what is referred to comes before what refers. */
export const resourceTypes: readonly ResourceType[] = ['cluster', 'endpoint', 'secret', 'listener', 'route'];

/** The type of a type URL, or `undefined` for one that was not asked for. */
export function resourceTypeOf(typeUrl: string): ResourceType | undefined {
  return resourceTypes.find((type) => typeUrls[type] === typeUrl);
}

/** How messages for people name a type. */
export const typeNames: Readonly<Record<ResourceType, string>> = {
  cluster: 'Cluster',
  endpoint: 'ClusterLoadAssignment',
  listener: 'Listener',
  route: 'RouteConfiguration',
  secret: 'Secret',
};
