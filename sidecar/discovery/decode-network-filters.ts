import type { Filter } from '../../proto/gen/envoy/config/listener/v3/listener_components.ts';
import { ConnectionLimit } from '../../proto/gen/envoy/extensions/filters/network/connection_limit/v3/connection_limit.ts';
import { HttpConnectionManager } from '../../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.ts';
import { TcpProxy } from '../../proto/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.ts';
import type { FilterChainConfig, TcpChainConfig } from '../net/listener-config.ts';
import type { Direction } from '../observe/stream-info.ts';
import { decodeConnectionManager } from './decode-connection-manager.ts';
import { decodeTcpProxy } from './decode-tcp-proxy.ts';
import { fieldsOf } from './message-fields.ts';
import { isType, join, type Reader } from './reader.ts';

export const connectionLimitFields = fieldsOf(ConnectionLimit, {
  supported: ['maxConnections'],
  ignored: { statPrefix: 'metrics are named by the listener' },
});

/** Reads `filters` of a chain: a limit on connections, if there is one, and what becomes of the bytes. */
export function decodeNetworkFilters(
  reader: Reader,
  path: string,
  filters: readonly Filter[],
  direction: Direction,
): Pick<FilterChainConfig, 'protocol' | 'maxConnections'> {
  let maxConnections: number | undefined;
  let protocol: FilterChainConfig['protocol'] | undefined;
  for (const [index, filter] of filters.entries()) {
    const at = join(path, `filters[${index}].typed_config`);
    const packed = filter.configType?.$case === 'typedConfig' ? filter.configType.value : undefined;
    if (protocol !== undefined) {
      reader.problem(join(path, `filters[${index}]`), 'nothing can follow the filter that takes the bytes');
    } else if (isType(packed, ConnectionLimit)) {
      maxConnections = decodeConnectionLimit(reader, at, reader.unpack(at, packed, ConnectionLimit));
    } else if (isType(packed, TcpProxy)) {
      const message = reader.unpack(at, packed, TcpProxy);
      protocol = message === undefined ? nothing : decodeTcpProxy(reader, at, message);
    } else {
      const message = reader.unpack(at, packed, HttpConnectionManager);
      protocol = message === undefined ? nothing : decodeConnectionManager(reader, at, message, direction);
    }
  }
  if (filters.length === 0) reader.problem(join(path, 'filters'), 'missing');
  else if (protocol === undefined) {
    reader.problem(join(path, 'filters'), 'none takes the bytes: http_connection_manager or tcp_proxy is needed');
  }
  return { protocol: protocol ?? nothing, ...(maxConnections === undefined ? {} : { maxConnections }) };
}

/** Stands for what could not be read; the problem is told. */
const nothing: TcpChainConfig = { kind: 'tcp', cluster: '', idleTimeoutMs: 1 };

function decodeConnectionLimit(reader: Reader, path: string, message: ConnectionLimit | undefined): number | undefined {
  if (message === undefined) return undefined;
  reader.only(path, message, connectionLimitFields);
  const max = message.maxConnections;
  if (max === undefined || max < 1) reader.problem(join(path, 'max_connections'), 'must be at least 1');
  return max;
}
