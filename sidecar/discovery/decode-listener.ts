import { TrafficDirection } from '../../proto/gen/envoy/config/core/v3/base.ts';
import { Listener } from '../../proto/gen/envoy/config/listener/v3/listener.ts';
import {
  type Filter,
  FilterChain,
  FilterChainMatch,
} from '../../proto/gen/envoy/config/listener/v3/listener_components.ts';
import { TlsInspector } from '../../proto/gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.ts';
import { HttpConnectionManager } from '../../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.ts';
import { TcpProxy } from '../../proto/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.ts';
import type { FilterChainConfig, ListenerConfig, TcpChainConfig } from '../net/listener-config.ts';
import type { Direction } from '../observe/stream-info.ts';
import { decodeAddress } from './decode-address.ts';
import { decodeConnectionManager } from './decode-connection-manager.ts';
import type { DecodeContext } from './decode-context.ts';
import { clustersOf } from './decode-route.ts';
import { decodeDownstreamTls } from './decode-tls.ts';
import { fieldsOf } from './message-fields.ts';
import { type Decoded, isType, join, Reader } from './reader.ts';

export const listenerFields = fieldsOf(Listener, {
  supported: ['name', 'address', 'filterChains', 'listenerFilters', 'trafficDirection'],
  ignored: {
    statPrefix: 'metrics are named by the listener',
    listenerFiltersTimeout: 'the first byte of a connection must come within 5 s',
    perConnectionBufferLimitBytes: 'buffers are bounded by the watermarks of each connection',
    metadata: 'for people',
    drainType: 'listeners always drain',
    connectionBalanceConfig: 'the kernel balances connections',
    enableReusePort: 'workers share a port as they need to',
    accessLog: 'the log is set by flags',
    tcpBacklogSize: 'the backlog is 1,024',
    maxConnectionsToAcceptPerSocketEvent: 'the event loop decides',
  },
});

export const filterChainFields = fieldsOf(FilterChain, {
  supported: ['filterChainMatch', 'filters', 'transportSocket', 'name'],
  ignored: {
    metadata: 'for people',
    transportSocketConnectTimeout: 'a handshake has a time limit of its own',
  },
});

export const filterChainMatchFields = fieldsOf(FilterChainMatch, {
  supported: ['serverNames', 'transportProtocol'],
  ignored: { applicationProtocols: 'what is spoken is found out by the chain itself' },
  limits: { transportProtocol: '`tls` and `raw_buffer`' },
});

export const tcpProxyFields = fieldsOf(TcpProxy, {
  supported: ['clusterSpecifier.cluster', 'idleTimeout'],
  ignored: {
    statPrefix: 'metrics are named by the listener',
    accessLog: 'the log is set by flags',
    maxConnectAttempts: 'a connection is tried once',
  },
});

const maxChains = 1_000;

export function decodeListener(message: Listener, context?: DecodeContext): Decoded<ListenerConfig> {
  const reader = new Reader(context);
  reader.only('', message, listenerFields);
  const direction = directionOf(message);
  const { address, port } = decodeAddress(reader, 'address', message.address, 0);
  for (const [index, filter] of message.listenerFilters.entries()) {
    // Connections are told apart by their first bytes anyway when a chain asks for it.
    const packed = filter.configType?.$case === 'typedConfig' ? filter.configType.value : undefined;
    const path = `listener_filters[${index}].typed_config`;
    if (!isType(packed, TlsInspector)) reader.problem(path, `unsupported type ${packed?.typeUrl ?? '(none)'}`);
  }
  if (message.filterChains.length === 0) reader.problem('filter_chains', 'missing');
  if (message.filterChains.length > maxChains) reader.problem('filter_chains', `more than ${maxChains}`);
  const chains = message.filterChains.map((chain, index) =>
    decodeChain(reader, `filter_chains[${index}]`, chain, direction),
  );
  return reader.finish({ name: reader.required('name', message.name), direction, address, port, chains });
}

/** What must be there before a listener may serve. */
export function needsOf(listener: ListenerConfig): {
  secrets: Set<string>;
  tables: Set<string>;
  clusters: Set<string>;
} {
  const needs = { secrets: new Set<string>(), tables: new Set<string>(), clusters: new Set<string>() };
  for (const { tls, protocol } of listener.chains) {
    if (tls !== undefined) needs.secrets.add(tls.certificateSecret);
    if (tls?.validationSecret !== undefined) needs.secrets.add(tls.validationSecret);
    if (protocol.kind === 'tcp') needs.clusters.add(protocol.cluster);
    else if (protocol.routes.kind === 'rds') needs.tables.add(protocol.routes.name);
    else for (const name of clustersOf(protocol.routes.table)) needs.clusters.add(name);
  }
  return needs;
}

function directionOf(message: Listener): Direction {
  if (message.trafficDirection === TrafficDirection.INBOUND && !message.name.startsWith('gateway|')) return 'inbound';
  return message.name === 'outbound' || message.name.startsWith('outbound|') ? 'outbound' : 'gateway';
}

function decodeChain(reader: Reader, path: string, chain: FilterChain, direction: Direction): FilterChainConfig {
  reader.only(path, chain, filterChainFields);
  const match = chain.filterChainMatch;
  if (match !== undefined) {
    reader.only(join(path, 'filter_chain_match'), match, filterChainMatchFields);
  }
  const transport = match?.transportProtocol ?? '';
  if (!['', 'tls', 'raw_buffer'].includes(transport)) {
    reader.problem(join(path, 'filter_chain_match.transport_protocol'), 'must be "tls" or "raw_buffer"');
  }
  return {
    name: chain.name,
    serverNames: (match?.serverNames ?? []).map((name) => name.toLowerCase()),
    transport: transport === 'tls' || transport === 'raw_buffer' ? transport : 'any',
    tls: decodeDownstreamTls(reader, join(path, 'transport_socket'), chain.transportSocket),
    protocol: decodeFilters(reader, path, chain.filters, direction),
  };
}

function decodeFilters(
  reader: Reader,
  path: string,
  filters: readonly Filter[],
  direction: Direction,
): FilterChainConfig['protocol'] {
  const nothing: TcpChainConfig = { kind: 'tcp', cluster: '', idleTimeoutMs: 1 };
  const [filter, second] = filters;
  if (second !== undefined) reader.problem(join(path, 'filters'), 'more than one filter is not supported');
  if (filter === undefined) {
    reader.problem(join(path, 'filters'), 'missing');
    return nothing;
  }
  const at = join(path, 'filters[0].typed_config');
  const packed = filter.configType?.$case === 'typedConfig' ? filter.configType.value : undefined;
  if (isType(packed, TcpProxy)) {
    const message = reader.unpack(at, packed, TcpProxy);
    return message === undefined ? nothing : decodeTcpProxy(reader, at, message);
  }
  const message = reader.unpack(at, packed, HttpConnectionManager);
  return message === undefined ? nothing : decodeConnectionManager(reader, at, message, direction);
}

function decodeTcpProxy(reader: Reader, path: string, message: TcpProxy): TcpChainConfig {
  reader.only(path, message, tcpProxyFields);
  const specifier = message.clusterSpecifier;
  if (specifier === undefined) reader.problem(join(path, 'cluster'), 'missing');
  return {
    kind: 'tcp',
    cluster: specifier?.$case === 'cluster' ? reader.required(join(path, 'cluster'), specifier.value) : '',
    idleTimeoutMs: reader.duration(join(path, 'idle_timeout'), message.idleTimeout, 3_600_000),
  };
}
