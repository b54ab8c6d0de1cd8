/** A proxy that asks for configuration: what its xDS node says of it. */
export interface ProxyNode {
  /** `<workload>.<namespace>`. */
  readonly id: string;
  readonly workload: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly mode: 'sidecar' | 'gateway';
  /** `<namespace>/<name>` of the Gateway it serves; empty in sidecar mode. */
  readonly gateway: string;
  /** Port of the forward proxy on 127.0.0.1; 0 for none. */
  readonly outboundPort: number;
  /** Address that inbound and gateway listeners bind. Default `0.0.0.0`. */
  readonly listenerAddress: string;
}

/**
 * Reads `node.id` and `node.metadata` (docs/xds-resources.md, Node). Never throws: answers what is wrong, in words for
 * whoever runs the proxy.
 */
export function parseProxyNode(
  id: string,
  metadata: Readonly<Record<string, unknown>>,
): { ok: true; node: ProxyNode } | { ok: false; problem: string } {
  const dot = id.lastIndexOf('.');
  if (dot <= 0 || dot === id.length - 1) return wrong(`node.id ${quoted(id)} is not <workload>.<namespace>`);
  const namespace = id.slice(dot + 1);
  const { NAMESPACE, SERVICE_ACCOUNT, MODE = 'sidecar', GATEWAY = '', LISTENER_ADDRESS = '0.0.0.0' } = metadata;
  if (NAMESPACE !== namespace) {
    return wrong(`node.metadata.NAMESPACE is ${quoted(NAMESPACE)}, but node.id ${quoted(id)} names ${namespace}`);
  }
  if (typeof SERVICE_ACCOUNT !== 'string' || SERVICE_ACCOUNT === '') {
    return wrong('node.metadata.SERVICE_ACCOUNT is missing');
  }
  if (MODE !== 'sidecar' && MODE !== 'gateway') {
    return wrong(`node.metadata.MODE is ${quoted(MODE)} instead of sidecar or gateway`);
  }
  if (MODE === 'gateway' && (typeof GATEWAY !== 'string' || !/^[^/]+\/[^/]+$/.test(GATEWAY))) {
    return wrong(`node.metadata.GATEWAY is ${quoted(GATEWAY)} instead of <namespace>/<name>`);
  }
  const outboundPort = Number(metadata.OUTBOUND_PORT ?? 0);
  if (!Number.isInteger(outboundPort) || outboundPort < 0 || outboundPort > 65_535) {
    return wrong(`node.metadata.OUTBOUND_PORT is ${quoted(metadata.OUTBOUND_PORT)} instead of a port, or 0 for none`);
  }
  if (typeof LISTENER_ADDRESS !== 'string' || LISTENER_ADDRESS === '') {
    return wrong('node.metadata.LISTENER_ADDRESS is not an IP address');
  }
  return {
    ok: true,
    node: {
      id,
      workload: id.slice(0, dot),
      namespace,
      serviceAccount: SERVICE_ACCOUNT,
      mode: MODE,
      gateway: MODE === 'gateway' ? String(GATEWAY) : '',
      outboundPort,
      listenerAddress: LISTENER_ADDRESS,
    },
  };
}

/** Foreign text for a message: short, and with control characters escaped. */
function quoted(value: unknown): string {
  return (JSON.stringify(value) ?? 'missing').slice(0, 120);
}

function wrong(problem: string): { ok: false; problem: string } {
  return { ok: false, problem };
}
