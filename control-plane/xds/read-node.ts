import { Node } from '../../proto/gen/envoy/config/core/v3/base.ts';
import type { XdsNode } from './protocol.ts';

/**
 * The node of a request. `nodeBytes` is its size without the list of extensions, in which a stock Envoy names all that
 * it was built with (`extensionBytes`, about 60 KiB); nobody reads that.
 */
export function readNode(node: Node | undefined): {
  node: XdsNode | undefined;
  nodeBytes: number;
  extensionBytes: number;
} {
  if (node === undefined) return { node: undefined, nodeBytes: 0, extensionBytes: 0 };
  const version = node.userAgentVersionType;
  const nodeBytes = Node.encode({ ...node, extensions: [] }).finish().length;
  return {
    nodeBytes,
    extensionBytes: Node.encode(node).finish().length - nodeBytes,
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
