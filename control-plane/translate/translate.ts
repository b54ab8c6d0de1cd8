import type { MeshGateway, MeshSnapshot } from '../registry/mesh-snapshot.ts';
import { type NodeResources, typeUrls, type XdsResource } from '../xds/resource.ts';
import { inboundClusters, outboundCluster } from './clusters.ts';
import { resourceMap } from './encode-resource.ts';
import { loadAssignment } from './endpoints.ts';
import { gatewayListeners, servableCertificate } from './gateway-listeners.ts';
import { forwardProxyListener, inboundListeners, upstreamListeners } from './listeners.ts';
import type { Memo } from './memo.ts';
import type { ProxyNode } from './proxy-node.ts';
import { forwardProxyRoutes, gatewayRoutes, upstreamRoutes } from './routes.ts';
import { rootsSecret, tlsCertificateSecret } from './secrets.ts';

export interface TranslateContext {
  /** Roots of the trust domain, PEM. */
  readonly rootsPem: string;
  /** Shared by all nodes and snapshots; see {@link Memo}. */
  readonly memo: Memo;
}

/**
 * The xDS resources of one proxy: a function of snapshot, node and roots (docs/xds-resources.md). Types of which
 * nothing changed are the same maps as in the call before.
 */
export function translate(snapshot: MeshSnapshot, node: ProxyNode, context: TranslateContext): NodeResources {
  const lists = node.mode === 'gateway' ? gatewayLists(snapshot, node, context) : sidecarLists(snapshot, node, context);
  const { memo } = context;
  return new Map([
    [typeUrls.cluster, resourceMap(memo, `clusters ${node.id}`, lists.clusters)],
    [typeUrls.endpoint, resourceMap(memo, `endpoints ${node.id}`, lists.endpoints)],
    [typeUrls.secret, resourceMap(memo, `secrets ${node.id}`, lists.secrets)],
    [typeUrls.listener, resourceMap(memo, `listeners ${node.id}`, lists.listeners)],
    [typeUrls.route, resourceMap(memo, `routes ${node.id}`, lists.routes)],
  ]);
}

interface ResourceLists {
  readonly clusters: readonly XdsResource[];
  readonly endpoints: readonly XdsResource[];
  readonly secrets: readonly XdsResource[];
  readonly listeners: readonly XdsResource[];
  readonly routes: readonly XdsResource[];
}

function sidecarLists(snapshot: MeshSnapshot, node: ProxyNode, { memo, rootsPem }: TranslateContext): ResourceLists {
  const workload = snapshot.workloads.get(`${node.namespace}/${node.workload}`);
  const outbound = everyService(snapshot, memo);
  const forwardProxy = node.outboundPort === 0 ? [] : [forwardProxyRoutes(memo, snapshot, node.namespace)];
  const upstreams = new Map(
    (workload?.upstreams ?? []).flatMap((upstream) => {
      const key = `${upstream.namespace}/${upstream.service}`;
      const routes = upstreamRoutes(memo, snapshot, node.namespace, key, upstream.port);
      return routes === undefined ? [] : [[routes.name, routes] as const];
    }),
  );
  return {
    clusters: [...(workload === undefined ? [] : inboundClusters(memo, workload)), ...outbound.clusters],
    endpoints: outbound.endpoints,
    secrets: [rootsSecret(memo, rootsPem)],
    listeners: [
      ...(workload === undefined ? [] : inboundListeners(memo, snapshot, node, workload)),
      ...forwardProxyListener(memo, node),
      ...(workload === undefined ? [] : upstreamListeners(memo, snapshot, workload)),
    ],
    routes: [...forwardProxy, ...upstreams.values()],
  };
}

function gatewayLists(snapshot: MeshSnapshot, node: ProxyNode, { memo, rootsPem }: TranslateContext): ResourceLists {
  const gateway = snapshot.gateways.get(node.gateway);
  const secrets = [rootsSecret(memo, rootsPem)];
  if (gateway === undefined) return { clusters: [], endpoints: [], secrets, listeners: [], routes: [] };
  const backends = backendsOf(snapshot, gateway, memo);
  const certificates = new Set(gateway.listeners.map((listener) => servableCertificate(snapshot, listener)));
  for (const key of certificates) {
    const secret = key === undefined ? undefined : snapshot.tlsSecrets.get(key);
    if (secret !== undefined) secrets.push(tlsCertificateSecret(memo, secret));
  }
  return {
    ...backends,
    secrets,
    listeners: gatewayListeners(memo, snapshot, node, gateway),
    routes: gatewayRoutes(memo, snapshot, gateway),
  };
}

/** Clusters and endpoints of every service port, made once for each snapshot and shared by all sidecars. */
function everyService(snapshot: MeshSnapshot, memo: Memo): Pick<ResourceLists, 'clusters' | 'endpoints'> {
  return memo.get('every-service', [snapshot], () => {
    const ports = [...snapshot.services.values()].flatMap((service) =>
      service.ports.map((port) => ({ service, port })),
    );
    return {
      clusters: ports.map(({ service, port }) => outboundCluster(memo, service, port, snapshot.trustDomain)),
      endpoints: ports.map(({ service, port }) => loadAssignment(memo, service, port)),
    };
  });
}

/** The same for the service ports that a Gateway's routes send to. */
function backendsOf(
  snapshot: MeshSnapshot,
  gateway: MeshGateway,
  memo: Memo,
): Pick<ResourceLists, 'clusters' | 'endpoints'> {
  const seen = new Set<string>();
  const clusters: XdsResource[] = [];
  const endpoints: XdsResource[] = [];
  const rules = gateway.listeners.flatMap((listener) => listener.routes.flatMap((route) => route.rules));
  for (const backend of rules.flatMap((rule) => rule.backends)) {
    const service = snapshot.services.get(backend.service);
    const port = service?.ports.find((candidate) => candidate.port === backend.port);
    const key = `${backend.service}:${backend.port}`;
    if (service === undefined || port === undefined || seen.has(key)) continue;
    seen.add(key);
    clusters.push(outboundCluster(memo, service, port, snapshot.trustDomain));
    endpoints.push(loadAssignment(memo, service, port));
  }
  return { clusters, endpoints };
}
