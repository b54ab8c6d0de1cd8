import { ipBytes } from './ip-range.ts';
import { type ProxiedEnds, proxySignature } from './proxy-header.ts';

/** The header that tells an upstream whose connection it is; `ends` is `undefined` for one of our own. */
export function writeProxyHeader(version: 1 | 2, ends: ProxiedEnds | undefined): Buffer {
  const source = ends === undefined ? undefined : ipBytes(ends.source.address);
  const destination = ends === undefined ? undefined : ipBytes(ends.destination.address);
  if (ends === undefined || source === undefined || destination === undefined) {
    return version === 1
      ? Buffer.from('PROXY UNKNOWN\r\n', 'latin1')
      : Buffer.concat([proxySignature, Buffer.from([0x20, 0, 0, 0])]);
  }
  const isFour = source.length === 4 && destination.length === 4;
  if (version === 1) {
    const [from, to] = [source, destination].map((bytes) => (isFour ? bytes.join('.') : ipv6Text(bytes)));
    const ports = `${ends.source.port} ${ends.destination.port}`;
    return Buffer.from(`PROXY ${isFour ? 'TCP4' : 'TCP6'} ${from} ${to} ${ports}\r\n`, 'latin1');
  }
  const header = Buffer.alloc(16 + (isFour ? 12 : 36));
  proxySignature.copy(header);
  header[12] = 0x21;
  header[13] = isFour ? 0x11 : 0x21;
  header.writeUInt16BE(header.length - 16, 14);
  const size = isFour ? 4 : 16;
  header.set(isFour ? source : sixteenBytes(source), 16);
  header.set(isFour ? destination : sixteenBytes(destination), 16 + size);
  header.writeUInt16BE(ends.source.port, 16 + 2 * size);
  header.writeUInt16BE(ends.destination.port, 18 + 2 * size);
  return header;
}

/** An IPv4 address among IPv6 ones is written inside IPv6 (RFC 4291 section 2.5.5.2). */
function sixteenBytes(bytes: Uint8Array): Uint8Array {
  return bytes.length === 16 ? bytes : Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...bytes]);
}

function ipv6Text(bytes: Uint8Array): string {
  const view = Buffer.from(sixteenBytes(bytes));
  return Array.from({ length: 8 }, (_, index) => view.readUInt16BE(2 * index).toString(16)).join(':');
}
