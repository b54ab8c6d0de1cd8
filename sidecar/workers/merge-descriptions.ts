import type { BreakerRoom } from '../cluster/priority-load.ts';
import type {
  ClusterDescription,
  EndpointDescription,
  ListenerDescription,
  ProxyDescription,
} from '../proxy-description.ts';

/**
 * What several workers describe as one proxy: numbers are added up. An endpoint is ejected, failed or avoided when it is
 * so for one worker, and available when it is for one; of the rest the first worker speaks for all.
 */
export function mergeDescriptions(parts: readonly ProxyDescription[]): ProxyDescription {
  return {
    listeners: byKey(
      parts.flatMap(({ listeners }) => listeners),
      ({ name }) => name,
    ).map(mergeListeners),
    clusters: byKey(
      parts.flatMap(({ clusters }) => clusters),
      ({ name }) => name,
    ).map(mergeClusters),
    routeTables: [...new Set(parts.flatMap(({ routeTables }) => routeTables))],
  };
}

type Several<T> = readonly [T, ...T[]];

function byKey<T>(items: readonly T[], keyOf: (item: T) => string): Several<T>[] {
  const groups = new Map<string, [T, ...T[]]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return [...groups.values()];
}

function mergeListeners(listeners: Several<ListenerDescription>): ListenerDescription {
  return { ...listeners[0], connections: sum(listeners, ({ connections }) => connections) };
}

function mergeClusters(clusters: Several<ClusterDescription>): ClusterDescription {
  return {
    ...clusters[0],
    activeRequests: sum(clusters, (one) => one.activeRequests),
    pendingRequests: sum(clusters, (one) => one.pendingRequests),
    connections: sum(clusters, (one) => one.connections),
    room: {
      default: mergeRoom(clusters.map(({ room }) => room.default)),
      high: mergeRoom(clusters.map(({ room }) => room.high)),
    },
    panicPicks: sum(clusters, (one) => one.panicPicks),
    endpoints: byKey(
      clusters.flatMap(({ endpoints }) => endpoints),
      ({ address, port }) => `${address} ${port}`,
    ).map(mergeEndpoints),
  };
}

function mergeRoom(rooms: readonly BreakerRoom[]): BreakerRoom {
  return {
    connections: sum(rooms, (one) => one.connections),
    pendingRequests: sum(rooms, (one) => one.pendingRequests),
    requests: sum(rooms, (one) => one.requests),
    retries: sum(rooms, (one) => one.retries),
  };
}

function mergeEndpoints(endpoints: Several<EndpointDescription>): EndpointDescription {
  return {
    ...endpoints[0],
    ejected: endpoints.some(({ ejected }) => ejected),
    checkFailed: endpoints.some(({ checkFailed }) => checkFailed),
    avoided: endpoints.some(({ avoided }) => avoided),
    available: endpoints.some(({ available }) => available),
    activeRequests: sum(endpoints, (one) => one.activeRequests),
    connections: sum(endpoints, (one) => one.connections),
    requests: sum(endpoints, (one) => one.requests),
    failures: sum(endpoints, (one) => one.failures),
  };
}

function sum<T>(items: readonly T[], read: (item: T) => number): number {
  return items.reduce((total, item) => total + read(item), 0);
}
