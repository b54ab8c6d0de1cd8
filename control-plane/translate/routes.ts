import { RouteConfiguration } from '../../proto/gen/envoy/config/route/v3/route.ts';
import type { MeshGateway, MeshSnapshot } from '../registry/mesh-snapshot.ts';
import type { XdsResource } from '../xds/resource.ts';
import { resourceOf } from './encode-resource.ts';
import { gatewayHosts } from './gateway-hosts.ts';
import type { Memo } from './memo.ts';
import { byName, forwardProxyName, gatewayListenerRoutesName, gatewayName, outboundName } from './names.ts';
import { serviceHost } from './service-hosts.ts';

/** The forward proxy's routes for clients of one namespace: every HTTP port of every service. */
export function forwardProxyRoutes(memo: Memo, snapshot: MeshSnapshot, clientNamespace: string): XdsResource {
  return memo.get(`forward-proxy-of ${clientNamespace}`, [snapshot], () => {
    const hosts = [...snapshot.services.keys()].sort(byName).flatMap((key) => {
      const service = snapshot.services.get(key);
      if (service === undefined) return [];
      return service.ports
        .filter((port) => port.protocol === 'http')
        .map((port) => serviceHost(memo, snapshot, service, port, clientNamespace, 'all'));
    });
    return routeConfiguration(memo, `forward-proxy ${clientNamespace}`, forwardProxyName, hosts);
  });
}

/** The routes of an explicit upstream, or undefined where that service has no such HTTP port. */
export function upstreamRoutes(
  memo: Memo,
  snapshot: MeshSnapshot,
  clientNamespace: string,
  serviceKey: string,
  portNumber: number,
): XdsResource | undefined {
  const service = snapshot.services.get(serviceKey);
  const port = service?.ports.find((candidate) => candidate.port === portNumber);
  if (service === undefined || port?.protocol !== 'http') return undefined;
  const host = serviceHost(memo, snapshot, service, port, clientNamespace, 'any');
  const name = outboundName(service.fqdn, portNumber);
  return routeConfiguration(memo, `upstream ${clientNamespace}`, name, [host]);
}

/** The route tables of a Gateway: one for the HTTP listeners of a port, one for each HTTPS listener. */
export function gatewayRoutes(memo: Memo, snapshot: MeshSnapshot, gateway: MeshGateway): XdsResource[] {
  const tables = new Map<string, MeshGateway['listeners'][number][]>();
  for (const listener of gateway.listeners) {
    const name =
      listener.protocol === 'HTTP'
        ? gatewayName(listener.port)
        : gatewayListenerRoutesName(listener.port, listener.name);
    tables.set(name, [...(tables.get(name) ?? []), listener]);
  }
  const owner = `${gateway.namespace}/${gateway.name}`;
  return [...tables].map(([name, listeners]) =>
    routeConfiguration(memo, `gateway ${owner}`, name, gatewayHosts(memo, snapshot, `${owner} ${name}`, listeners)),
  );
}

const virtualHostsTag = (2 << 3) | 2;

/**
 * Puts encoded virtual hosts behind the other fields. A repeated field is nothing but its elements in a row, so what
 * did not change is copied and not encoded again.
 */
function routeConfiguration(memo: Memo, owner: string, name: string, hosts: readonly Uint8Array[]): XdsResource {
  return memo.get(`routes ${owner} ${name}`, hosts, () => {
    const head = RouteConfiguration.encode(
      // A route may name a cluster that does not exist: `invalid-backend`.
      RouteConfiguration.fromPartial({ name, validateClusters: false }),
    ).finish();
    const parts: Uint8Array[] = [head];
    for (const host of hosts) parts.push(Uint8Array.of(virtualHostsTag, ...varint(host.length)), host);
    return resourceOf(name, Buffer.concat(parts));
  });
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest & 127) | 128);
    rest >>>= 7;
  }
  bytes.push(rest);
  return bytes;
}
