import { isIPv4, isIPv6 } from 'node:net';
import type { ConnectionEnd } from './chain-match.ts';
import type { IpRange } from './ip-range.ts';

/** Who may write a PROXY header before what it sends, and how (`envoy.filters.listener.proxy_protocol`). */
export interface ProxyHeaderConfig {
  /** Serve connections without a header as they are. */
  readonly allowWithout: boolean;
  /** Versions of the protocol that are read. */
  readonly versions: readonly (1 | 2)[];
  /** Peers whose header is believed; others are refused, or served as they are where that is allowed. Empty: all. */
  readonly trusted: readonly IpRange[];
}

export type ProxyHeaderResult =
  | { readonly kind: 'more' }
  /** What has come is no PROXY header, nor the beginning of one. */
  | { readonly kind: 'none' }
  /** `ends` is `undefined` when the sender speaks for itself (`UNKNOWN`, `LOCAL`). */
  | { readonly kind: 'header'; readonly bytes: number; readonly ends: ProxiedEnds | undefined }
  | { readonly kind: 'invalid'; readonly detail: string };

export interface ProxiedEnds {
  readonly source: ConnectionEnd;
  readonly destination: ConnectionEnd;
}

/** What a header of version 2 begins with. */
export const proxySignature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const textSignature = Buffer.from('PROXY ', 'latin1');
/** The longest header of version 1, with its line end. */
const maxTextBytes = 107;
const fixedBytes = 16;
/** A header of version 2 with all that is attached to it. */
const maxBytes = 4_096;
const addressBytes: Readonly<Record<number, number>> = { 1: 12, 2: 36, 3: 216 };
const more: ProxyHeaderResult = { kind: 'more' };

/**
 * Reads the header of HAProxy's PROXY protocol, version 1 or 2, at the beginning of `bytes`
 * (haproxy.org/download/2.9/doc/proxy-protocol.txt).
 */
export function readProxyHeader(bytes: Buffer, versions: readonly (1 | 2)[]): ProxyHeaderResult {
  if (versions.includes(2) && startsLike(bytes, proxySignature)) {
    return bytes.length < fixedBytes ? more : readBinary(bytes);
  }
  if (versions.includes(1) && startsLike(bytes, textSignature)) {
    return bytes.length < textSignature.length ? more : readText(bytes);
  }
  return { kind: 'none' };
}

function startsLike(bytes: Buffer, start: Buffer): boolean {
  const compared = Math.min(bytes.length, start.length);
  return bytes.compare(start, 0, compared, 0, compared) === 0;
}

function readText(bytes: Buffer): ProxyHeaderResult {
  const end = bytes.indexOf('\r\n', 0, 'latin1');
  if (end < 0) return bytes.length < maxTextBytes ? more : invalid(`no line end within ${maxTextBytes} bytes`);
  if (end + 2 > maxTextBytes) return invalid(`longer than ${maxTextBytes} bytes`);
  const [, family, sourceAddress = '', address = '', sourcePort = '', port = '', ...rest] = bytes
    .toString('latin1', 0, end)
    .split(' ');
  if (family === 'UNKNOWN') return { kind: 'header', bytes: end + 2, ends: undefined };
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isIPv6 : undefined;
  if (isAddress === undefined) return invalid('neither TCP4, TCP6 nor UNKNOWN');
  if (rest.length > 0 || !isAddress(sourceAddress) || !isAddress(address)) return invalid('no two addresses');
  if (!isPort(sourcePort) || !isPort(port)) return invalid('no two ports');
  return {
    kind: 'header',
    bytes: end + 2,
    ends: {
      source: { address: sourceAddress, port: Number(sourcePort) },
      destination: { address, port: Number(port) },
    },
  };
}

function isPort(text: string): boolean {
  return /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;
}

function readBinary(bytes: Buffer): ProxyHeaderResult {
  const command = bytes[12] as number;
  if (command !== 0x20 && command !== 0x21) return invalid('neither LOCAL nor PROXY of version 2');
  const family = (bytes[13] as number) >> 4;
  const length = bytes.readUInt16BE(14);
  const end = fixedBytes + length;
  if (end > maxBytes) return invalid(`${end} bytes; at most ${maxBytes}`);
  const local = command === 0x20;
  const known = addressBytes[family];
  if (!local && known !== undefined && length < known) return invalid('shorter than its addresses');
  if (bytes.length < end) return more;
  const attached = bytes.subarray(fixedBytes + (known ?? length), end);
  if (!local && !fits(attached)) return invalid('attached values do not fit');
  const transport = (bytes[13] as number) & 15;
  if (local || transport !== 1 || family === 0 || family > 2) return { kind: 'header', bytes: end, ends: undefined };
  return { kind: 'header', bytes: end, ends: family === 1 ? ipv4Ends(bytes) : ipv6Ends(bytes) };
}

/** Whether values of type, length and content fill it exactly. */
function fits(attached: Buffer): boolean {
  let at = 0;
  while (at + 3 <= attached.length) at += 3 + attached.readUInt16BE(at + 1);
  return at === attached.length;
}

function ipv4Ends(bytes: Buffer): ProxiedEnds {
  const address = (at: number) => bytes.subarray(at, at + 4).join('.');
  return {
    source: { address: address(16), port: bytes.readUInt16BE(24) },
    destination: { address: address(20), port: bytes.readUInt16BE(26) },
  };
}

function ipv6Ends(bytes: Buffer): ProxiedEnds {
  const address = (at: number) =>
    Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(at + 2 * index).toString(16)).join(':');
  return {
    source: { address: address(16), port: bytes.readUInt16BE(48) },
    destination: { address: address(32), port: bytes.readUInt16BE(50) },
  };
}

function invalid(detail: string): ProxyHeaderResult {
  return { kind: 'invalid', detail };
}
