import { Node } from '../../proto/gen/envoy/config/core/v3/base.ts';
import type { XdsNode } from './protocol.ts';

/** The node of a request, and its size in bytes. */
export function readNode(node: Node | undefined): { node: XdsNode | undefined; nodeBytes: number } {
  if (node === undefined) return { node: undefined, nodeBytes: 0 };
  const version = node.userAgentVersionType;
  return {
    nodeBytes: Node.encode(node).finish().length,
    node: {
      id: node.id,
      cluster: node.cluster,
      userAgentName: node.userAgentName,
      userAgentVersion: version?.$case === 'userAgentVersion' ? version.value : buildVersion(version?.value.version),
      metadata: node.metadata ?? {},
    },
  };
}

function buildVersion(version: { majorNumber: number; minorNumber: number; patch: number } | undefined): string {
  return version === undefined ? '' : `${version.majorNumber}.${version.minorNumber}.${version.patch}`;
}
