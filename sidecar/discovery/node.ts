import { Node } from '../../proto/gen/envoy/config/core/v3/base.ts';

/** Who this proxy is, as it tells the control plane (docs/xds-resources.md, "Node"). */
export interface NodeDescription {
  mode: 'sidecar' | 'gateway';
  name: string;
  namespace: string;
  serviceAccount: string;
  /** Label `app`, or the workload's name. */
  cluster: string;
  /** `<namespace>/<name>` of the Gateway, in gateway mode. */
  gateway: string | undefined;
  /** Forward-proxy port; 0 for none. */
  outboundPort: number;
  listenerAddress: string;
  version: string;
}

/** `<workload>.<namespace>`. */
export function nodeId({ name, namespace }: Pick<NodeDescription, 'name' | 'namespace'>): string {
  return `${name}.${namespace}`;
}

export function describeNode(description: NodeDescription): Node {
  const { mode, namespace, serviceAccount, gateway, outboundPort, listenerAddress } = description;
  return Node.fromPartial({
    id: nodeId(description),
    cluster: description.cluster,
    userAgentName: 'heddle',
    userAgentVersionType: { $case: 'userAgentVersion', value: description.version },
    metadata: {
      NAMESPACE: namespace,
      SERVICE_ACCOUNT: serviceAccount,
      MODE: mode,
      LISTENER_ADDRESS: listenerAddress,
      ...(gateway === undefined ? {} : { GATEWAY: gateway }),
      ...(mode === 'sidecar' ? { OUTBOUND_PORT: outboundPort } : {}),
    },
  });
}

/** The node of a bootstrap, with what the proxy says of itself. */
export function describeOwnNode(node: Node, version: string): Node {
  return {
    ...node,
    userAgentName: 'heddle',
    userAgentVersionType: { $case: 'userAgentVersion', value: version },
  };
}
