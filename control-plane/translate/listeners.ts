import { TrafficDirection } from '../../proto/gen/envoy/config/core/v3/base.ts';
import { Listener } from '../../proto/gen/envoy/config/listener/v3/listener.ts';
import type { FilterChain, ListenerFilter } from '../../proto/gen/envoy/config/listener/v3/listener_components.ts';
import {
  FilterChain as FilterChainMessage,
  ListenerFilter as ListenerFilterMessage,
} from '../../proto/gen/envoy/config/listener/v3/listener_components.ts';
import { TlsInspector } from '../../proto/gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.ts';
import type { MeshSnapshot, MeshWorkload } from '../registry/mesh-snapshot.ts';
import type { XdsResource } from '../xds/resource.ts';
import { encodeResource } from './encode-resource.ts';
import { socketAddress } from './endpoints.ts';
import { httpFilter, inboundRoutes, rdsRoutes, tcpFilter } from './http-chain.ts';
import type { Memo } from './memo.ts';
import { forwardProxyName, inboundName, outboundName, upstreamListenerName } from './names.ts';
import { mtlsMode } from './peer-authentication.ts';
import { packAny } from './proto-values.ts';
import type { ProxyNode } from './proxy-node.ts';
import { meshDownstreamSocket } from './tls-contexts.ts';

/** Finds the protocol and the server name of a connection before a chain is chosen. */
export const tlsInspector: ListenerFilter = ListenerFilterMessage.fromPartial({
  name: 'envoy.filters.listener.tls_inspector',
  configType: { $case: 'typedConfig', value: packAny(TlsInspector, TlsInspector.fromPartial({})) },
});

/** One listener for each application port: mTLS in, plain text on to the application. */
export function inboundListeners(
  memo: Memo,
  snapshot: MeshSnapshot,
  node: ProxyNode,
  workload: MeshWorkload,
): XdsResource[] {
  return workload.ports.map((port) => {
    const name = inboundName(port.appPort);
    const mode = mtlsMode(snapshot.peerAuthentication, workload, port.appPort);
    const parts = [mode, node.listenerAddress, port.inboundPort, port.protocol];
    return memo.get(`listener ${node.id} ${name}`, parts, () => {
      const filter = port.protocol === 'http' ? httpFilter(name, inboundRoutes(port.appPort), false) : tcpFilter(name);
      return encodeResource(
        Listener,
        name,
        Listener.fromPartial({
          name,
          trafficDirection: TrafficDirection.INBOUND,
          address: socketAddress(node.listenerAddress, port.inboundPort),
          listenerFilters: mode === 'STRICT' ? [] : [tlsInspector],
          filterChains: inboundChains(filter, mode, port.protocol),
        }),
      );
    });
  });
}

/** The forward proxy of a sidecar, where it wants one. */
export function forwardProxyListener(memo: Memo, node: ProxyNode): XdsResource[] {
  if (node.outboundPort === 0) return [];
  return [
    memo.get(`listener ${forwardProxyName} ${node.outboundPort}`, [], () =>
      localListener(
        forwardProxyName,
        node.outboundPort,
        httpFilter(forwardProxyName, rdsRoutes(forwardProxyName), false),
      ),
    ),
  ];
}

/** A listener on 127.0.0.1 for each explicit upstream whose service has that port. */
export function upstreamListeners(memo: Memo, snapshot: MeshSnapshot, workload: MeshWorkload): XdsResource[] {
  return workload.upstreams.flatMap((upstream) => {
    const service = snapshot.services.get(`${upstream.namespace}/${upstream.service}`);
    const port = service?.ports.find((candidate) => candidate.port === upstream.port);
    if (service === undefined || port === undefined) return [];
    const target = outboundName(service.fqdn, port.port);
    const name = upstreamListenerName(upstream.localPort);
    return [
      memo.get(`listener ${name} ${target} ${port.protocol}`, [], () =>
        localListener(
          name,
          upstream.localPort,
          port.protocol === 'http' ? httpFilter(target, rdsRoutes(target), false) : tcpFilter(target),
        ),
      ),
    ];
  });
}

function localListener(name: string, port: number, filter: ReturnType<typeof tcpFilter>): XdsResource {
  return encodeResource(
    Listener,
    name,
    Listener.fromPartial({
      name,
      trafficDirection: TrafficDirection.OUTBOUND,
      address: socketAddress('127.0.0.1', port),
      filterChains: [{ name: 'default', filters: [filter] }],
    }),
  );
}

function inboundChains(
  filter: ReturnType<typeof tcpFilter>,
  mode: 'STRICT' | 'PERMISSIVE',
  protocol: 'http' | 'tcp',
): FilterChain[] {
  const mesh = { name: 'mtls', filters: [filter], transportSocket: meshDownstreamSocket(protocol) };
  if (mode === 'STRICT') return [FilterChainMessage.fromPartial(mesh)];
  return [
    FilterChainMessage.fromPartial({ ...mesh, filterChainMatch: { transportProtocol: 'tls' } }),
    FilterChainMessage.fromPartial({
      name: 'plain',
      filters: [filter],
      filterChainMatch: { transportProtocol: 'raw_buffer' },
    }),
  ];
}
