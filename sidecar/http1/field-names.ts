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
} as const;

/** A field name, once for all messages that carry it. */
export interface FieldName {
  readonly name: string;
  readonly rawName: string;
  /** One of {@link FieldKind}. */
  readonly kind: number;
  /** Has `_` or `.`, which CGI-like servers take for `-` (security.md H1-34). */
  readonly alias: boolean;
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
]);

/** Enough for every name that honest peers use, little enough to be no one's way to our memory. */
const MAX_NAMES = 2_048;
const MAX_NAME_LENGTH = 64;

const known = new Map<string, FieldName>();

/**
 * Finds the entry of a field name as it came. Names are learnt up to a bound, after which learning starts anew,
 * so that a flood of invented names costs a lookup its speed for a moment and nothing else.
 */
export function fieldName(rawName: string): FieldName {
  return known.get(rawName) ?? learn(rawName);
}

/** What a name in lower case means to the codec. */
export function fieldKind(name: string): number {
  return kinds.get(name) ?? FieldKind.plain;
}

function learn(rawName: string): FieldName {
  // A slice keeps the whole head alive; what is kept for long must be a string of its own.
  const own = Buffer.from(rawName, 'latin1').toString('latin1');
  const name = own.toLowerCase();
  const entry = { name, rawName: name === own ? name : own, kind: fieldKind(name), alias: /[_.]/.test(name) };
  if (own.length > MAX_NAME_LENGTH) return entry;
  if (known.size >= MAX_NAMES) known.clear();
  known.set(entry.rawName, entry);
  return entry;
}
