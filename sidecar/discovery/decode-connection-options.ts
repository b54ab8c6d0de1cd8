import { UpstreamConnectionOptions } from '../../proto/gen/envoy/config/cluster/v3/cluster.ts';
import { TcpKeepalive } from '../../proto/gen/envoy/config/core/v3/address.ts';
import type { ClusterConfig } from '../cluster/cluster-config.ts';
import { fieldsOf } from './message-fields.ts';
import { join, type Reader } from './reader.ts';

export const connectionOptionsFields = fieldsOf(UpstreamConnectionOptions, { supported: ['tcpKeepalive'] });

export const tcpKeepaliveFields = fieldsOf(TcpKeepalive, {
  supported: ['keepaliveTime', 'keepaliveInterval', 'keepaliveProbes'],
});

/** Reads `upstream_connection_options`; nothing where TCP keep-alive is not asked for. */
export function decodeConnectionOptions(
  reader: Reader,
  message: UpstreamConnectionOptions | undefined,
): Pick<ClusterConfig, 'tcpKeepalive'> {
  if (message === undefined) return {};
  const path = 'upstream_connection_options';
  reader.only(path, message, connectionOptionsFields);
  const keepalive = message.tcpKeepalive;
  if (keepalive === undefined) return {};
  const at = join(path, 'tcp_keepalive');
  reader.only(at, keepalive, tcpKeepaliveFields);
  // The limits are Linux's.
  const within = (field: string, value: number, most: number): number => {
    if (value < 1 || value > most) reader.problem(join(at, field), `must be between 1 and ${most}`);
    return value;
  };
  return {
    tcpKeepalive: {
      timeMs: within('keepalive_time', keepalive.keepaliveTime ?? 7_200, 32_767) * 1_000,
      intervalMs: within('keepalive_interval', keepalive.keepaliveInterval ?? 75, 32_767) * 1_000,
      probes: within('keepalive_probes', keepalive.keepaliveProbes ?? 9, 127),
    },
  };
}
