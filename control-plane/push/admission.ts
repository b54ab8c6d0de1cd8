import { parseSpiffeId } from '../../certs/spiffe-id.ts';
import type { MeshSnapshot } from '../registry/mesh-snapshot.ts';
import { type ProxyNode, parseProxyNode } from '../translate/proxy-node.ts';
import type { XdsNode } from '../xds/protocol.ts';

/** Reads the node of a proxy and checks that its identity may be it. */
export function admitNode(
  node: XdsNode,
  identity: string,
  snapshot: MeshSnapshot,
): { ok: true; node: ProxyNode } | { ok: false; reason: string } {
  const parsed = parseProxyNode(node.id, node.metadata);
  if (!parsed.ok) return { ok: false, reason: parsed.problem };
  const reason = objection(parsed.node, identity, snapshot);
  return reason === undefined ? parsed : { ok: false, reason };
}

/**
 * Why an identity may not have the configuration of a node (security.md P-44, XD-17), or undefined. Asked again with
 * each snapshot, since a workload may come to belong to somebody else.
 */
export function objection(node: ProxyNode, identity: string, snapshot: MeshSnapshot): string | undefined {
  const id = parseSpiffeId(identity);
  if (!id.ok) return id.detail;
  const { namespace, serviceAccount } = id.value;
  if (node.namespace !== namespace) {
    return `node ${node.id} is of namespace ${node.namespace}, but the certificate is for ${identity}`;
  }
  if (node.serviceAccount !== serviceAccount) {
    return `node ${node.id} claims service account ${node.serviceAccount}, but the certificate is for ${identity}`;
  }
  const workload = snapshot.workloads.get(`${node.namespace}/${node.workload}`);
  if (workload !== undefined && workload.serviceAccount !== serviceAccount) {
    return `workload ${node.namespace}/${node.workload} belongs to service account ${workload.serviceAccount}, but the certificate is for ${identity}`;
  }
  if (node.mode === 'gateway' && !node.gateway.startsWith(`${namespace}/`)) {
    return `gateway ${node.gateway} is served by proxies of its own namespace only, but the certificate is for ${identity}`;
  }
  return undefined;
}
