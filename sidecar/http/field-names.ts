/** What a field means to the codec itself. */
export const FieldKind = {
  plain: 0,
  host: 1,
  contentLength: 2,
  transferEncoding: 3,
  connection: 4,
  upgrade: 5,
  expect: 6,
  te: 7,
  /** Concerns this connection only and is taken out: RFC 9110 §7.6.1 and what old proxies invented. */
  hop: 8,
  keepAlive: 9,
  /** `Cookie` or `Set-Cookie`: counted apart. */
  cookie: 10,
  /** From here on the pseudo-header fields of HTTP/2; nothing that HTTP/1 could carry. */
  pseudoMethod: 11,
  pseudoScheme: 12,
  pseudoAuthority: 13,
  pseudoPath: 14,
  pseudoProtocol: 15,
  pseudoStatus: 16,
} as const;

/** A field name, once for all messages that carry it. */
export interface FieldName {
  readonly name: string;
  readonly rawName: string;
  /** One of {@link FieldKind}. */
  readonly kind: number;
  /** Has `_` or `.`, which CGI-like servers take for `-` (security.md H1-34). */
  readonly alias: boolean;
  /** Is what HTTP/2 allows: a token in lower case, or a pseudo-header field (RFC 9113 §8.2.1, §8.3). */
  readonly lower: boolean;
  /** `rawName` as it stands on the wire. */
  readonly bytes: Buffer;
}

const kinds: ReadonlyMap<string, number> = new Map([
  ['host', FieldKind.host],
  ['content-length', FieldKind.contentLength],
  ['transfer-encoding', FieldKind.transferEncoding],
  ['connection', FieldKind.connection],
  ['upgrade', FieldKind.upgrade],
  ['expect', FieldKind.expect],
  ['te', FieldKind.te],
  ['keep-alive', FieldKind.keepAlive],
  ['proxy-connection', FieldKind.hop],
  ['http2-settings', FieldKind.hop],
  ['cookie', FieldKind.cookie],
  ['set-cookie', FieldKind.cookie],
  [':method', FieldKind.pseudoMethod],
  [':scheme', FieldKind.pseudoScheme],
  [':authority', FieldKind.pseudoAuthority],
  [':path', FieldKind.pseudoPath],
  [':protocol', FieldKind.pseudoProtocol],
  [':status', FieldKind.pseudoStatus],
]);

/** Enough for every name that honest peers use, little enough to be no one's way to our memory. */
const MAX_NAMES = 2_048;
const MAX_NAME_LENGTH = 64;

const known = new Map<string, FieldName>();

/** The names last seen, by a few of their bytes: most names are found here without being made a string. */
const recent: (FieldName | undefined)[] = new Array(1_024).fill(undefined);

/**
 * Finds the entry of the name that stands in `bytes` (it is not empty). Names are learnt up to a bound, after which
 * learning starts anew, so that a flood of invented names costs a lookup its speed for a moment and nothing else.
 */
export function fieldName(bytes: Buffer, from: number, to: number): FieldName {
  const length = to - from;
  const first = bytes[from] as number;
  const middle = bytes[from + (length >> 1)] as number;
  const last = bytes[to - 1] as number;
  const slot = (first + middle * 7 + last * 31 + length * 101) & 1_023;
  const candidate = recent[slot];
  if (candidate !== undefined && candidate.bytes.length === length) {
    const expected = candidate.bytes;
    let i = 0;
    while (i < length && expected[i] === bytes[from + i]) i++;
    if (i === length) return candidate;
  }
  const rawName = bytes.toString('latin1', from, to);
  const found = known.get(rawName) ?? learn(rawName);
  if (length <= MAX_NAME_LENGTH) recent[slot] = found;
  return found;
}

/** What a name in lower case means to the codec. */
export function fieldKind(name: string): number {
  return kinds.get(name) ?? FieldKind.plain;
}

function learn(rawName: string): FieldName {
  const name = rawName.toLowerCase();
  const kind = fieldKind(name);
  const entry: FieldName = {
    name,
    rawName: name === rawName ? name : rawName,
    kind,
    alias: /[_.]/.test(name),
    lower: /^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(rawName) || (name === rawName && kind >= FieldKind.pseudoMethod),
    bytes: Buffer.from(rawName, 'latin1'),
  };
  if (rawName.length > MAX_NAME_LENGTH) return entry;
  if (known.size >= MAX_NAMES) known.clear();
  known.set(entry.rawName, entry);
  return entry;
}
