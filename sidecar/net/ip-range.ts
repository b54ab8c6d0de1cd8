import { isIP, isIPv4 } from 'node:net';

/** A block of IP addresses (`envoy.config.core.v3.CidrRange`). */
export interface IpRange {
  /** IPv4 or IPv6 address; bits after the prefix do not matter. */
  readonly address: string;
  readonly prefixBits: number;
}

/** An address as 4 or 16 bytes; IPv4 inside IPv6 (`::ffff:10.0.0.1`) is IPv4. `undefined` for what is none. */
export function ipBytes(address: string): Uint8Array | undefined {
  const kind = isIP(address);
  if (kind === 0) return undefined;
  if (kind === 4) return Uint8Array.from(address.split('.'), Number);
  const zone = address.indexOf('%');
  const bytes = ipv6Bytes(zone < 0 ? address : address.slice(0, zone));
  const mapped = bytes.every((byte, index) => index >= 12 || byte === (index >= 10 ? 0xff : 0));
  return mapped ? bytes.subarray(12) : bytes;
}

function ipv6Bytes(address: string): Uint8Array {
  const lastColon = address.lastIndexOf(':');
  const tail = address.slice(lastColon + 1);
  let text = address;
  if (isIPv4(tail)) {
    const [a = 0, b = 0, c = 0, d = 0] = tail.split('.').map(Number);
    text = `${address.slice(0, lastColon + 1)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  }
  const [head = '', rest] = text.split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)));
  const before = groups(head);
  const after = rest === undefined ? [] : groups(rest);
  const all = [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after];
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}

/** Ranges in a form that is quick to compare with. */
export class IpRanges {
  readonly #ranges: readonly { bytes: Uint8Array; bits: number }[];

  /** Ranges that are none are left out; a decoder has refused them. */
  constructor(ranges: readonly IpRange[]) {
    this.#ranges = ranges.flatMap(({ address, prefixBits }) => {
      const bytes = ipBytes(address);
      if (bytes === undefined) return [];
      // The prefix of an IPv4 address that was written as IPv6 counts from the start of the IPv6 one.
      const mapped = bytes.length === 4 && isIP(address) === 6;
      return [{ bytes, bits: mapped ? Math.max(0, prefixBits - 96) : prefixBits }];
    });
  }

  /** Bits of the longest prefix that the address has; -1 for none. */
  longestMatch(address: Uint8Array): number {
    let longest = -1;
    for (const { bytes, bits } of this.#ranges) {
      if (bits > longest && bytes.length === address.length && samePrefix(bytes, address, bits)) longest = bits;
    }
    return longest;
  }

  includes(address: string): boolean {
    const bytes = ipBytes(address);
    return bytes !== undefined && this.longestMatch(bytes) >= 0;
  }
}

function samePrefix(one: Uint8Array, other: Uint8Array, bits: number): boolean {
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if (one[i] !== other[i]) return false;
  const rest = bits & 7;
  return rest === 0 || ((one[whole] as number) ^ (other[whole] as number)) >> (8 - rest) === 0;
}
