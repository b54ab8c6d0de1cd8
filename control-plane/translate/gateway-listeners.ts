import { TrafficDirection } from '../../proto/gen/envoy/config/core/v3/base.ts';
import { Listener } from '../../proto/gen/envoy/config/listener/v3/listener.ts';
import type { MeshGateway, MeshSnapshot } from '../registry/mesh-snapshot.ts';
import type { XdsResource } from '../xds/resource.ts';
import { encodeResource } from './encode-resource.ts';
import { socketAddress } from './endpoints.ts';
import { httpFilter, rdsRoutes } from './http-chain.ts';
import { tlsInspector } from './listeners.ts';
import type { Memo } from './memo.ts';
import { gatewayListenerRoutesName, gatewayName, tlsSecretName } from './names.ts';
import type { ProxyNode } from './proxy-node.ts';
import { edgeDownstreamSocket } from './tls-contexts.ts';

type GatewayListener = MeshGateway['listeners'][number];

/** A listener for each port of the Gateway (docs/xds-resources.md, gateway listener). */
export function gatewayListeners(
  memo: Memo,
  snapshot: MeshSnapshot,
  node: ProxyNode,
  gateway: MeshGateway,
): XdsResource[] {
  const ports = [...new Set(gateway.listeners.map((listener) => listener.port))];
  return ports.flatMap((port) => {
    const listeners = gateway.listeners.filter((listener) => listener.port === port);
    const secrets = listeners.map((listener) => servableCertificate(snapshot, listener));
    const shape = JSON.stringify(
      listeners.map(({ name, protocol, hostname }, index) => [name, protocol, hostname, secrets[index]]),
    );
    const resource = memo.get(`listener ${node.id} ${gatewayName(port)}`, [shape, node.listenerAddress], () =>
      gatewayListener(node, port, listeners, secrets),
    );
    return resource === undefined ? [] : [resource];
  });
}

/** The certificate of a listener: the first of its references (`<namespace>/<name>`) that exists. */
export function servableCertificate(snapshot: MeshSnapshot, listener: GatewayListener): string | undefined {
  return listener.certificates.find((key) => snapshot.tlsSecrets.has(key));
}

function gatewayListener(
  node: ProxyNode,
  port: number,
  listeners: readonly GatewayListener[],
  secrets: readonly (string | undefined)[],
): XdsResource | undefined {
  const plain = listeners.some((listener) => listener.protocol === 'HTTP');
  const chains = plain
    ? [{ name: 'http', filters: [httpFilter(gatewayName(port), rdsRoutes(gatewayName(port)), true)] }]
    : listeners.flatMap((listener, index) => httpsChain(listener, secrets[index]));
  // A chain without a certificate could never become warm, and would hold back the listener's other chains.
  if (chains.length === 0) return undefined;
  const name = gatewayName(port);
  return encodeResource(
    Listener,
    name,
    Listener.fromPartial({
      name,
      trafficDirection: TrafficDirection.OUTBOUND,
      address: socketAddress(node.listenerAddress, port),
      listenerFilters: plain ? [] : [tlsInspector],
      filterChains: chains,
    }),
  );
}

function httpsChain(listener: GatewayListener, certificate: string | undefined) {
  if (certificate === undefined) return [];
  const routes = gatewayListenerRoutesName(listener.port, listener.name);
  return [
    {
      name: listener.name,
      filterChainMatch: listener.hostname === '' ? {} : { serverNames: [listener.hostname] },
      filters: [httpFilter(routes, rdsRoutes(routes), true)],
      transportSocket: edgeDownstreamSocket(tlsSecretName(certificate)),
    },
  ];
}
