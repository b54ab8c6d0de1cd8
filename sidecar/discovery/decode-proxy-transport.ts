import type { TransportSocket } from '../../proto/gen/envoy/config/core/v3/base.ts';
import {
  ProxyProtocolConfig,
  ProxyProtocolConfig_Version,
} from '../../proto/gen/envoy/config/core/v3/proxy_protocol.ts';
import { ProxyProtocolUpstreamTransport } from '../../proto/gen/envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol.ts';
import { fieldsOf } from './message-fields.ts';
import { isType, join, type Reader } from './reader.ts';

export const proxyTransportFields = fieldsOf(ProxyProtocolUpstreamTransport, {
  supported: ['config', 'transportSocket'],
});
export const proxyConfigFields = fieldsOf(ProxyProtocolConfig, { supported: ['version'] });

/** Takes `upstream_proxy_protocol` off a transport socket: the version of its header, and the socket inside. */
export function decodeProxyTransport(
  reader: Reader,
  path: string,
  socket: TransportSocket | undefined,
): { path: string; socket: TransportSocket | undefined; version: 1 | 2 | undefined } {
  const packed = socket?.configType?.value;
  if (!isType(packed, ProxyProtocolUpstreamTransport)) return { path, socket, version: undefined };
  const at = join(path, 'typed_config');
  const message = reader.unpack(at, packed, ProxyProtocolUpstreamTransport);
  if (message === undefined) return { path, socket: undefined, version: undefined };
  reader.only(at, message, proxyTransportFields);
  if (message.config !== undefined) reader.only(join(at, 'config'), message.config, proxyConfigFields);
  if (message.transportSocket === undefined) reader.problem(join(at, 'transport_socket'), 'missing');
  return {
    path: join(at, 'transport_socket'),
    socket: message.transportSocket,
    version: message.config?.version === ProxyProtocolConfig_Version.V2 ? 2 : 1,
  };
}
