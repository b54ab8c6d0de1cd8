import { isIP } from 'node:net';
import { CidrRange } from '../../proto/gen/envoy/config/core/v3/address.ts';
import type { IpRange } from '../net/ip-range.ts';
import { fieldsOf } from './message-fields.ts';
import { join, type Reader } from './reader.ts';

export const cidrRangeFields = fieldsOf(CidrRange, { supported: ['addressPrefix', 'prefixLen'] });

/** Reads blocks of addresses; a missing length means 0, as in Envoy. */
export function decodeIpRanges(reader: Reader, path: string, ranges: readonly CidrRange[]): IpRange[] {
  return ranges.map((range, index) => {
    const at = `${path}[${index}]`;
    reader.only(at, range, cidrRangeFields);
    const kind = isIP(range.addressPrefix);
    const prefixBits = range.prefixLen ?? 0;
    if (kind === 0) {
      reader.problem(join(at, 'address_prefix'), `"${range.addressPrefix}" is not an IP address`);
    } else if (prefixBits > (kind === 4 ? 32 : 128)) {
      reader.problem(join(at, 'prefix_len'), `more than ${kind === 4 ? 32 : 128}`);
    }
    return { address: range.addressPrefix, prefixBits };
  });
}

/** Reads a block as it is written in one word: `10.0.0.0/8`, or an address alone. */
export function parseIpRange(text: string): IpRange | undefined {
  const [address = '', length, ...rest] = text.split('/');
  const kind = isIP(address);
  const most = kind === 4 ? 32 : 128;
  if (kind === 0 || rest.length > 0) return undefined;
  if (length === undefined) return { address, prefixBits: most };
  return /^\d{1,3}$/.test(length) && Number(length) <= most ? { address, prefixBits: Number(length) } : undefined;
}
