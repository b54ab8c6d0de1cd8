/** Names of xDS resources, as docs/xds-resources.md fixes them. */

/** Cluster of a service port; also its ClusterLoadAssignment and the RouteConfiguration of an explicit upstream. */
export function outboundName(fqdn: string, port: number): string {
  return `outbound|${port}||${fqdn}`;
}

/** Cluster, listener and route of an application port beside the sidecar. */
export function inboundName(appPort: number): string {
  return `inbound|${appPort}`;
}

/** Listener of an explicit upstream. */
export function upstreamListenerName(localPort: number): string {
  return `outbound|${localPort}`;
}

/** Listener of a port of a Gateway, and the RouteConfiguration of its HTTP listeners. */
export function gatewayName(port: number): string {
  return `gateway|${port}`;
}

/** RouteConfiguration of one HTTPS listener of a Gateway. */
export function gatewayListenerRoutesName(port: number, listener: string): string {
  return `gateway|${port}|${listener}`;
}

/** Secret with a gateway certificate; `key` is `<namespace>/<name>`. */
export function tlsSecretName(key: string): string {
  return `tls:${key}`;
}

/** Server name of the mesh hop to a service port, in Istio's form. */
export function meshServerName(fqdn: string, port: number): string {
  return `outbound_.${port}_._.${fqdn}`;
}

/** RouteConfiguration and listener of the forward proxy. */
export const forwardProxyName = 'outbound';

/** Cluster of the share of requests whose backend cannot be resolved. It never exists; a request to it gets 500. */
export const invalidBackendName = 'invalid-backend';

/** Secret with the proxy's own SVID, which its own agent supplies. */
export const ownCertificateName = 'default';

/** Secret with the roots of the trust domain. */
export const rootsName = 'ROOTCA';

/** Order of names by code unit, the same on every machine. */
export function byName(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
