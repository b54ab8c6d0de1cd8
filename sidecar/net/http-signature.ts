/** What the first bytes of a plaintext connection are: a version of HTTP, something else, or not yet to be told. */
export type Signature = 'http/1.1' | 'http/1.0' | 'h2c' | 'other' | 'more';

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
/** Longer than any method that is in use (RFC 9110 section 16.1). */
const maxMethodBytes = 32;
/** A request line longer than this is no HTTP to us. */
const maxLineBytes = 8_192;
const space = 0x20;
const lineFeed = 0x0a;

/** Tells HTTP/1 by its request line and HTTP/2 by its preface (RFC 9113 section 3.4). */
export function signatureOf(bytes: Buffer): Signature {
  const compared = Math.min(bytes.length, preface.length);
  if (bytes.compare(preface, 0, compared, 0, compared) === 0) return bytes.length < preface.length ? 'more' : 'h2c';
  let method = 0;
  while (method < bytes.length && isUpperCase(bytes[method] as number)) method++;
  if (method > maxMethodBytes) return 'other';
  if (method === bytes.length) return 'more';
  if (method === 0 || bytes[method] !== space) return 'other';
  const end = bytes.indexOf(lineFeed);
  if (end < 0) return bytes.length > maxLineBytes ? 'other' : 'more';
  const line = bytes.toString('latin1', method, end);
  if (/ HTTP\/1\.1\r?$/.test(line)) return 'http/1.1';
  return / HTTP\/1\.0\r?$/.test(line) ? 'http/1.0' : 'other';
}

/** Also `M-SEARCH` and its like are spelled with letters and hyphens only. */
function isUpperCase(byte: number): boolean {
  return (byte >= 0x41 && byte <= 0x5a) || byte === 0x2d;
}
