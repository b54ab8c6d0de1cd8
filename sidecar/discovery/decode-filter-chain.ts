import { FilterChain, FilterChainMatch } from '../../proto/gen/envoy/config/listener/v3/listener_components.ts';
import type { ChainMatchConfig, FilterChainConfig } from '../net/listener-config.ts';
import type { Direction } from '../observe/stream-info.ts';
import { decodeIpRanges } from './decode-ip-range.ts';
import { decodeNetworkFilters } from './decode-network-filters.ts';
import { decodeDownstreamTls } from './decode-tls.ts';
import { fieldsOf } from './message-fields.ts';
import { join, type Reader } from './reader.ts';

export const filterChainFields = fieldsOf(FilterChain, {
  supported: ['filterChainMatch', 'filters', 'transportSocket', 'name'],
  ignored: {
    metadata: 'for people',
    transportSocketConnectTimeout: 'a handshake must end within 5 s',
  },
});

export const filterChainMatchFields = fieldsOf(FilterChainMatch, {
  supported: [
    'destinationPort',
    'prefixRanges',
    'sourcePrefixRanges',
    'sourcePorts',
    'serverNames',
    'transportProtocol',
    'applicationProtocols',
  ],
  limits: { transportProtocol: '`tls` and `raw_buffer`', serverNames: 'host names and `*.` before one' },
});

/** Reads a filter chain; `place` names it where it has no name of its own. */
export function decodeFilterChain(
  reader: Reader,
  path: string,
  chain: FilterChain,
  direction: Direction,
  place: string,
): FilterChainConfig {
  reader.only(path, chain, filterChainFields);
  const at = join(path, 'filter_chain_match');
  const message = chain.filterChainMatch;
  if (message !== undefined) reader.only(at, message, filterChainMatchFields);
  const transport = message?.transportProtocol ?? '';
  if (!['', 'tls', 'raw_buffer'].includes(transport)) {
    reader.problem(join(at, 'transport_protocol'), 'must be "tls" or "raw_buffer"');
  }
  const match = message === undefined ? undefined : decodeMatch(reader, at, message);
  return {
    name: chain.name === '' ? place : chain.name,
    serverNames: (message?.serverNames ?? []).map((name, index) =>
      checkServerName(reader, join(at, `server_names[${index}]`), name),
    ),
    transport: transport === 'tls' || transport === 'raw_buffer' ? transport : 'any',
    tls: decodeDownstreamTls(reader, join(path, 'transport_socket'), chain.transportSocket),
    ...(match === undefined ? {} : { match }),
    ...decodeNetworkFilters(reader, path, chain.filters, direction),
  };
}

/** Undefined when server names and transport are all that is asked for. */
function decodeMatch(reader: Reader, path: string, message: FilterChainMatch): ChainMatchConfig | undefined {
  const { destinationPort, sourcePorts, applicationProtocols } = message;
  if (destinationPort !== undefined && (destinationPort < 1 || destinationPort > 65_535)) {
    reader.problem(join(path, 'destination_port'), 'must be between 1 and 65535');
  }
  for (const [index, port] of sourcePorts.entries()) {
    if (port < 1 || port > 65_535) reader.problem(join(path, `source_ports[${index}]`), 'must be between 1 and 65535');
  }
  const destinationRanges = decodeIpRanges(reader, join(path, 'prefix_ranges'), message.prefixRanges);
  const sourceRanges = decodeIpRanges(reader, join(path, 'source_prefix_ranges'), message.sourcePrefixRanges);
  const match: ChainMatchConfig = {
    ...(destinationPort === undefined ? {} : { destinationPort }),
    ...(destinationRanges.length === 0 ? {} : { destinationRanges }),
    ...(sourceRanges.length === 0 ? {} : { sourceRanges }),
    ...(sourcePorts.length === 0 ? {} : { sourcePorts }),
    ...(applicationProtocols.length === 0 ? {} : { applicationProtocols }),
  };
  return Object.keys(match).length === 0 ? undefined : match;
}

function checkServerName(reader: Reader, path: string, name: string): string {
  const lower = name.toLowerCase();
  const rest = lower.startsWith('*.') ? lower.slice(2) : lower;
  if (rest === '' || rest.includes('*')) {
    reader.problem(path, `"${name}" is neither a host name nor "*." before one`);
  }
  return lower;
}
