import { VirtualHost } from '../../proto/gen/envoy/config/route/v3/route_components.ts';
import type { MeshGateway, MeshRoute, MeshSnapshot } from '../registry/mesh-snapshot.ts';
import { backendParts, httpRoute } from './http-routes.ts';
import type { Memo } from './memo.ts';
import { byName } from './names.ts';
import { orderedEntries } from './route-order.ts';

type Listener = MeshGateway['listeners'][number];

/**
 * The encoded virtual hosts of the listeners that share a RouteConfiguration: one for each hostname. A request belongs
 * to the listener whose hostname fits best, whether or not a route is attached there (Gateway API, listener isolation);
 * within it, routes of a less specific hostname still get what those of a more specific one do not match.
 */
export function gatewayHosts(
  memo: Memo,
  snapshot: MeshSnapshot,
  key: string,
  listeners: readonly Listener[],
): readonly Uint8Array[] {
  const routes = listeners.flatMap((listener) => listener.routes);
  const names = listeners.map((listener) => `${listener.name} ${listener.hostname} ${listener.routes.length}`).join();
  return memo.get(`gateway-hosts ${key}`, [names, ...routes, ...backendParts(snapshot, routes)], () =>
    listeners
      .flatMap((listener) => hostsOf(listener).map((host) => ({ listener, host })))
      .filter(({ listener, host }) => ownerOf(host, listeners) === listener)
      .sort((a, b) => byName(a.host, b.host))
      .map(({ listener, host }) => VirtualHost.encode(virtualHost(snapshot, listener, host)).finish()),
  );
}

function virtualHost(snapshot: MeshSnapshot, listener: Listener, host: string): VirtualHost {
  const candidates = listener.routes.flatMap((route) => {
    const best = Math.max(...effectiveHosts(listener, route).map((name) => (covers(name, host) ? rank(name) : -1)), -1);
    return best < 0 ? [] : [{ route, hostRank: best }];
  });
  return VirtualHost.fromPartial({
    name: host,
    domains: [host],
    routes: orderedEntries(candidates).map((entry) => httpRoute(snapshot, entry, undefined)),
  });
}

/** Every hostname of a listener that needs a virtual host of its own, each once. */
function hostsOf(listener: Listener): string[] {
  const own = listener.hostname === '' ? [] : [listener.hostname];
  return [...new Set([...own, ...listener.routes.flatMap((route) => effectiveHosts(listener, route))])];
}

/** The hostnames under which a route is served: its own where they meet the listener's. */
function effectiveHosts(listener: Listener, route: MeshRoute): string[] {
  const ceiling = listener.hostname === '' ? '*' : listener.hostname;
  if (route.hostnames.length === 0) return [ceiling];
  return route.hostnames.flatMap((name) => {
    if (covers(ceiling, name)) return [name];
    return covers(name, ceiling) ? [ceiling] : [];
  });
}

function ownerOf(host: string, listeners: readonly Listener[]): Listener | undefined {
  return listeners
    .filter((listener) => covers(listener.hostname === '' ? '*' : listener.hostname, host))
    .reduce<Listener | undefined>(
      (best, next) => (best === undefined || rank(next.hostname) > rank(best.hostname) ? next : best),
      undefined,
    );
}

/** Whether every host that fits `narrow` fits `wide` too; both exact, `*.suffix` or `*`. */
function covers(wide: string, narrow: string): boolean {
  if (wide === '*' || wide === narrow) return true;
  return wide.startsWith('*.') && narrow.length > wide.length - 1 && narrow.endsWith(wide.slice(1));
}

/** A higher rank is a more specific hostname: an exact one before a wildcard, then the longer. */
function rank(name: string): number {
  if (name === '' || name === '*') return 0;
  return name.startsWith('*.') ? name.length : 1_000 + name.length;
}
