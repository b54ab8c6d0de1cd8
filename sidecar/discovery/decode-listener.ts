import { TrafficDirection } from '../../proto/gen/envoy/config/core/v3/base.ts';
import { Listener } from '../../proto/gen/envoy/config/listener/v3/listener.ts';
import type { ListenerConfig } from '../net/listener-config.ts';
import type { Direction } from '../observe/stream-info.ts';
import { decodeAddress } from './decode-address.ts';
import type { DecodeContext } from './decode-context.ts';
import { decodeFilterChain } from './decode-filter-chain.ts';
import { decodeListenerFilters } from './decode-listener-filters.ts';
import { decodeListenerLimits } from './decode-listener-limits.ts';
import { clustersOf } from './decode-route.ts';
import { fieldsOf } from './message-fields.ts';
import { type Decoded, Reader } from './reader.ts';

export const listenerFields = fieldsOf(Listener, {
  supported: [
    'name',
    'address',
    'filterChains',
    'defaultFilterChain',
    'listenerFilters',
    'trafficDirection',
    'tcpBacklogSize',
    'metadata',
  ],
  ignored: {
    statPrefix: 'metrics are named by the listener',
    listenerFiltersTimeout: 'what a connection is must be seen within 5 s',
    continueOnListenerFiltersTimeout: 'a chain for bytes takes over, any other does not',
    perConnectionBufferLimitBytes: 'buffers are bounded by the watermarks of each connection',
    drainType: 'listeners always drain',
    connectionBalanceConfig: 'the kernel balances connections',
    enableReusePort: 'workers share a port as they need to',
    accessLog: 'the log is set by flags',
    maxConnectionsToAcceptPerSocketEvent: 'the event loop accepts one at a time',
  },
  limits: { metadata: 'limits under `heddle.dev`; the rest is for people' },
});

const maxChains = 1_000;

export function decodeListener(message: Listener, context?: DecodeContext): Decoded<ListenerConfig> {
  const reader = new Reader(context);
  reader.only('', message, listenerFields);
  const direction = directionOf(message);
  const { address, port } = decodeAddress(reader, 'address', message.address, 0);
  const { defaultFilterChain } = message;
  if (message.filterChains.length === 0 && defaultFilterChain === undefined) reader.problem('filter_chains', 'missing');
  if (message.filterChains.length > maxChains) reader.problem('filter_chains', `more than ${maxChains}`);
  const chains = message.filterChains.map((chain, index) =>
    decodeFilterChain(reader, `filter_chains[${index}]`, chain, direction, `#${index}`),
  );
  const limits = decodeListenerLimits(reader, message);
  const { proxyHeader, ...filters } = decodeListenerFilters(reader, message.listenerFilters);
  return reader.finish<ListenerConfig>({
    name: reader.required('name', message.name),
    direction,
    address,
    port,
    chains,
    ...(defaultFilterChain === undefined
      ? {}
      : { defaultChain: decodeFilterChain(reader, 'default_filter_chain', defaultFilterChain, direction, 'default') }),
    ...filters,
    ...(proxyHeader === undefined ? {} : { proxyHeader: { ...proxyHeader, trusted: limits.proxySources } }),
    ...limits.connections,
    ...(message.tcpBacklogSize === undefined ? {} : { backlog: message.tcpBacklogSize }),
  });
}

/** What must be there before a listener may serve. */
export function needsOf(listener: ListenerConfig): {
  secrets: Set<string>;
  tables: Set<string>;
  clusters: Set<string>;
} {
  const needs = { secrets: new Set<string>(), tables: new Set<string>(), clusters: new Set<string>() };
  const { chains, defaultChain } = listener;
  for (const { tls, protocol } of defaultChain === undefined ? chains : [...chains, defaultChain]) {
    if (tls !== undefined) needs.secrets.add(tls.certificateSecret);
    for (const name of tls?.moreCertificates ?? []) needs.secrets.add(name);
    if (tls?.validationSecret !== undefined) needs.secrets.add(tls.validationSecret);
    if (protocol.kind === 'tcp') {
      needs.clusters.add(protocol.cluster);
      for (const { name } of protocol.weightedClusters ?? []) needs.clusters.add(name);
    } else if (protocol.routes.kind === 'rds') needs.tables.add(protocol.routes.name);
    else for (const name of clustersOf(protocol.routes.table)) needs.clusters.add(name);
  }
  return needs;
}

function directionOf(message: Listener): Direction {
  if (message.trafficDirection === TrafficDirection.INBOUND && !message.name.startsWith('gateway|')) return 'inbound';
  return message.name === 'outbound' || message.name.startsWith('outbound|') ? 'outbound' : 'gateway';
}
