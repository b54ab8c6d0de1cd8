import { VirtualHost } from '../../proto/gen/envoy/config/route/v3/route_components.ts';
import type { MeshRoute, MeshService, MeshSnapshot, ServicePort } from '../registry/mesh-snapshot.ts';
import { backendParts, defaultRoute, httpRoute } from './http-routes.ts';
import type { Memo } from './memo.ts';
import { outboundName } from './names.ts';
import { orderedEntries } from './route-order.ts';

/**
 * The encoded virtual host of an HTTP port of a service, as proxies of `clientNamespace` see it: under the names that
 * the forward proxy answers to, or under `*` for a listener that serves this port alone.
 */
export function serviceHost(
  memo: Memo,
  snapshot: MeshSnapshot,
  service: MeshService,
  port: ServicePort,
  clientNamespace: string,
  names: 'all' | 'any',
): Uint8Array {
  const name = outboundName(service.fqdn, port.port);
  const routes = routesFor(service, port.port, clientNamespace);
  const near = names === 'all' && service.namespace === clientNamespace;
  const parts = [service.policy, ...routes, ...backendParts(snapshot, routes)];
  return memo.get(`host ${clientNamespace} ${names} ${name}`, parts, () => {
    const entries = orderedEntries(routes.map((route) => ({ route, hostRank: 0 })));
    const message = VirtualHost.fromPartial({
      name,
      domains: names === 'any' ? ['*'] : serviceDomains(service, port.port, near),
      routes:
        routes.length === 0
          ? [defaultRoute(service, port.port)]
          : entries.map((entry) => httpRoute(snapshot, entry, service)),
    });
    return VirtualHost.encode(message).finish();
  });
}

/** Names of a service port; `near` adds the bare name, for proxies of the same namespace. */
function serviceDomains(service: MeshService, port: number, near: boolean): string[] {
  const { name, namespace, fqdn } = service;
  const hosts = [fqdn, `${name}.${namespace}.svc`, `${name}.${namespace}`, ...(near ? [name] : [])];
  return hosts.flatMap((host) => (port === 80 ? [host, `${host}:80`] : [`${host}:${port}`]));
}

/**
 * The routes that hold for a client. A route of another namespace than its service's is a consumer route (GEP-1426):
 * it holds for clients of its own namespace only, and there instead of the producer's.
 */
function routesFor(service: MeshService, port: number, clientNamespace: string): readonly MeshRoute[] {
  const here = service.routes.filter((route) => route.parentPort === undefined || route.parentPort === port);
  const consumer = here.filter((route) => route.namespace === clientNamespace);
  if (clientNamespace !== service.namespace && consumer.length > 0) return consumer;
  return here.filter((route) => route.namespace === service.namespace);
}
