import { isIP } from 'node:net';
import { type Address, SocketAddress, SocketAddress_Protocol } from '../../proto/gen/envoy/config/core/v3/address.ts';
import { canonicalServerName } from '../net/client-hello.ts';
import { fieldsOf } from './message-fields.ts';
import { join, type Reader } from './reader.ts';

export const socketAddressFields = fieldsOf(SocketAddress, {
  supported: ['protocol', 'address', 'portSpecifier.portValue'],
  ignored: { ipv4Compat: 'the address itself says so' },
  limits: { protocol: '`TCP`', address: 'IP addresses, and host names in clusters that look them up' },
});

export interface IpAddress {
  address: string;
  port: number;
}

/** Reads an IP address with its port. `lowestPort` is 0 where the proxy may choose one itself. With `hosts`, a host name is an address too. */
export function decodeAddress(
  reader: Reader,
  path: string,
  address: Address | undefined,
  lowestPort = 1,
  hosts = false,
): IpAddress {
  const nothing = { address: '', port: 0 };
  const specifier = address?.address;
  if (specifier === undefined) {
    reader.problem(path, 'missing');
    return nothing;
  }
  if (specifier.$case !== 'socketAddress') {
    reader.problem(path, 'only socket_address is supported');
    return nothing;
  }
  const at = join(path, 'socket_address');
  const socket = specifier.value;
  reader.only(at, socket, socketAddressFields);
  if (socket.protocol !== SocketAddress_Protocol.TCP) reader.problem(join(at, 'protocol'), 'only TCP is supported');
  if (isIP(socket.address) === 0 && !(hosts && canonicalServerName(socket.address) !== undefined))
    reader.problem(join(at, 'address'), `"${socket.address}" is not ${hosts ? 'a host name' : 'an IP address'}`);
  const port = socket.portSpecifier?.$case === 'portValue' ? socket.portSpecifier.value : -1;
  if (port < lowestPort || port > 65_535) {
    reader.problem(join(at, 'port_value'), `must be between ${lowestPort} and 65535`);
  }
  return { address: socket.address, port };
}
