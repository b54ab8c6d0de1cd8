import type { Listener } from '../../proto/gen/envoy/config/listener/v3/listener.ts';
import type { IpRange } from '../net/ip-range.ts';
import type { ListenerConfig } from '../net/listener-config.ts';
import { parseIpRange } from './decode-ip-range.ts';
import type { Reader } from './reader.ts';

const path = 'metadata.filter_metadata["heddle.dev"]';
const names = ['max_connections', 'max_connections_per_client', 'proxy_protocol_sources'];

/** What Envoy has no field for: `metadata.filter_metadata["heddle.dev"]` of a Listener (docs/xds-resources.md). */
export function decodeListenerLimits(
  reader: Reader,
  message: Listener,
): {
  connections: Pick<ListenerConfig, 'maxConnections' | 'maxConnectionsPerClient'>;
  proxySources: readonly IpRange[];
} {
  const own: Readonly<Record<string, unknown>> = message.metadata?.filterMetadata['heddle.dev'] ?? {};
  for (const name of Object.keys(own)) if (!names.includes(name)) reader.problem(`${path}.${name}`, 'not supported');
  const maxConnections = count(reader, own, 'max_connections', 1);
  const maxConnectionsPerClient = count(reader, own, 'max_connections_per_client', 0);
  return {
    connections: {
      ...(maxConnections === undefined ? {} : { maxConnections }),
      ...(maxConnectionsPerClient === undefined ? {} : { maxConnectionsPerClient }),
    },
    proxySources: ranges(reader, own.proxy_protocol_sources),
  };
}

function count(
  reader: Reader,
  own: Readonly<Record<string, unknown>>,
  name: string,
  least: number,
): number | undefined {
  const value = own[name];
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isInteger(value) && value >= least) return value;
  reader.problem(`${path}.${name}`, `must be a whole number of at least ${least}`);
  return undefined;
}

function ranges(reader: Reader, value: unknown): IpRange[] {
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.length === 0) {
    reader.problem(`${path}.proxy_protocol_sources`, 'must be a list of address blocks');
    return [];
  }
  return value.flatMap((item: unknown, index) => {
    const range = typeof item === 'string' ? parseIpRange(item) : undefined;
    if (range !== undefined) return [range];
    reader.problem(`${path}.proxy_protocol_sources[${index}]`, 'must be an address block such as "10.0.0.0/8"');
    return [];
  });
}
