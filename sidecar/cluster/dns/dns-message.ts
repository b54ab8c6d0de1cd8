import { SocketAddress } from 'node:net';

/** A is an IPv4 address, AAAA an IPv6 one. */
export type AddressType = 'A' | 'AAAA';

const typeNumbers: Readonly<Record<AddressType, number>> = { A: 1, AAAA: 28 };
const cnameType = 5;
const internetClass = 1;
const headerBytes = 12;
const maxNameBytes = 255;
const maxLabelBytes = 63;
/** Names that lead to names; nobody needs more. */
const maxAliases = 16;

export interface AddressRecords {
  readonly addresses: readonly string[];
  /** The shortest time to live on the way to the addresses, in seconds. */
  readonly ttl: number;
}

/** What a datagram or message is, seen by who asked. */
export type DnsReply =
  | { readonly kind: 'records'; readonly records: AddressRecords }
  /** There is more than fits a datagram. */
  | { readonly kind: 'truncated' }
  /** The name server is sure that there is nothing. `reason` is for people. */
  | { readonly kind: 'none'; readonly reason: string }
  /** Another server may know better. */
  | { readonly kind: 'failed'; readonly reason: string }
  /** No reply to this question: somebody else's, or an attempt to put in a word. */
  | { readonly kind: 'foreign' };

const codes: Readonly<Record<number, string>> = { 1: 'FORMERR', 2: 'SERVFAIL', 4: 'NOTIMP', 5: 'REFUSED' };

/** A question with recursion (RFC 1035 section 4); `undefined` for what cannot be a host name. */
export function writeQuestion(id: number, name: string, type: AddressType): Buffer | undefined {
  const labels = name.split('.').map((label) => Buffer.from(label, 'latin1'));
  if (!/^[\w.-]+$/.test(name) || labels.some(({ length }) => length === 0 || length > maxLabelBytes)) return undefined;
  const encoded = Buffer.concat([...labels.map((label) => Buffer.from([label.length, ...label])), Buffer.from([0])]);
  if (encoded.length > maxNameBytes) return undefined;
  const header = Buffer.from([id >> 8, id & 0xff, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([header, encoded, Buffer.from([0, typeNumbers[type], 0, internetClass])]);
}

/**
 * Reads the reply to a question. Addresses count only where they belong to the name that was asked for, or to the one
 * that its aliases lead to. Never throws, and looks at each byte a bounded number of times.
 */
export function readReply(bytes: Buffer, id: number, name: string, type: AddressType): DnsReply {
  if (bytes.length < headerBytes || bytes.readUInt16BE(0) !== id) return { kind: 'foreign' };
  const flags = bytes.readUInt16BE(2);
  const isReply = (flags & 0xf800) === 0x8000;
  const asked = readName(bytes, headerBytes);
  if (!isReply || bytes.readUInt16BE(4) !== 1 || asked === undefined || asked.end + 4 > bytes.length)
    return { kind: 'foreign' };
  const number = typeNumbers[type];
  const isOurs = bytes.readUInt16BE(asked.end) === number && bytes.readUInt16BE(asked.end + 2) === internetClass;
  if (asked.name !== name.toLowerCase() || !isOurs) return { kind: 'foreign' };
  const code = flags & 0xf;
  if (code === 3) return { kind: 'none', reason: 'NXDOMAIN' };
  if (code !== 0) return { kind: 'failed', reason: codes[code] ?? `code ${code}` };
  if ((flags & 0x0200) !== 0) return { kind: 'truncated' };
  const answers = readAnswers(bytes, asked.end + 4, bytes.readUInt16BE(6), number);
  return answers === undefined ? { kind: 'failed', reason: 'malformed' } : follow(answers, asked.name);
}

interface Answers {
  readonly aliases: ReadonlyMap<string, { readonly target: string; readonly ttl: number }>;
  readonly addresses: ReadonlyMap<string, { readonly list: string[]; ttl: number }>;
}

function readAnswers(bytes: Buffer, start: number, count: number, type: number): Answers | undefined {
  const aliases = new Map<string, { target: string; ttl: number }>();
  const addresses = new Map<string, { list: string[]; ttl: number }>();
  let at = start;
  for (let i = 0; i < count; i++) {
    const owner = readName(bytes, at);
    if (owner === undefined || owner.end + 10 > bytes.length) return undefined;
    const kind = bytes.readUInt16BE(owner.end);
    const isInternet = bytes.readUInt16BE(owner.end + 2) === internetClass;
    // RFC 2181 section 8: with the highest bit set it is 0.
    const ttl = Math.max(0, bytes.readInt32BE(owner.end + 4));
    const data = owner.end + 10;
    at = data + bytes.readUInt16BE(owner.end + 8);
    if (at > bytes.length) return undefined;
    if (!isInternet) continue;
    if (kind === cnameType) {
      const target = readName(bytes, data);
      if (target === undefined) return undefined;
      aliases.set(owner.name, { target: target.name, ttl });
    } else if (kind === type) {
      const address = addressText(bytes.subarray(data, at));
      if (address === undefined) return undefined;
      const known = addresses.get(owner.name);
      if (known === undefined) addresses.set(owner.name, { list: [address], ttl });
      else {
        known.list.push(address);
        known.ttl = Math.min(known.ttl, ttl);
      }
    }
  }
  return { aliases, addresses };
}

function follow({ aliases, addresses }: Answers, name: string): DnsReply {
  let owner = name;
  let ttl = Number.MAX_SAFE_INTEGER;
  for (let i = 0; i <= maxAliases; i++) {
    const found = addresses.get(owner);
    if (found !== undefined) {
      return { kind: 'records', records: { addresses: found.list, ttl: Math.min(ttl, found.ttl) } };
    }
    const alias = aliases.get(owner);
    if (alias === undefined) {
      const reason = addresses.size === 0 ? 'no address' : `only addresses of other names than ${owner}`;
      return { kind: 'none', reason };
    }
    owner = alias.target;
    ttl = Math.min(ttl, alias.ttl);
  }
  return { kind: 'failed', reason: 'aliases without end' };
}

/** A name in lower case. A dot inside a label is written `\.`, so that it equals no name that one asks for. */
function readName(bytes: Buffer, start: number): { name: string; end: number } | undefined {
  const labels: string[] = [];
  let at = start;
  let end = -1;
  let lowest = start;
  let size = 1;
  for (;;) {
    const length = bytes[at];
    if (length === undefined) return undefined;
    if (length === 0) break;
    if (length > maxLabelBytes) {
      // A pointer (RFC 1035 section 4.1.4), which must lead to before everything read so far: so there are no loops.
      const low = bytes[at + 1];
      if (length < 0xc0 || low === undefined) return undefined;
      if (end < 0) end = at + 2;
      at = ((length & 0x3f) << 8) | low;
      if (at >= lowest) return undefined;
      lowest = at;
      continue;
    }
    size += length + 1;
    if (size > maxNameBytes || at + 1 + length > bytes.length) return undefined;
    labels.push(bytes.toString('latin1', at + 1, at + 1 + length).replaceAll('.', '\\.'));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), end: end < 0 ? at + 1 : end };
}

function addressText(bytes: Buffer): string | undefined {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) return undefined;
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(2 * index).toString(16));
  return new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address;
}
