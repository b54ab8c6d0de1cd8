/** A response as a strict client reads it off the wire. */
export interface RawResponse {
  readonly status: number;
  readonly statusLine: string;
  /** Names in lower case, in wire order. */
  readonly fields: readonly (readonly [string, string])[];
  readonly body: string;
  readonly trailers: readonly string[];
  /** How the body's end is told; `close` needs the connection's end. */
  readonly framing: 'none' | 'length' | 'chunked' | 'close';
  /** Offset behind it. */
  readonly end: number;
  /** The first value of a field. */
  get(name: string): string | undefined;
}

/**
 * Reads one response from `text` (latin1) at offset `from`. Returns undefined while it is incomplete; `ended` tells
 * that nothing more will come. Throws on what is not HTTP/1.1: the proxy under test must never write that.
 */
export function readResponse(text: string, from: number, method: string, ended: boolean): RawResponse | undefined {
  const headEnd = text.indexOf('\r\n\r\n', from);
  if (headEnd < 0) return undefined;
  const [statusLine = '', ...lines] = text.slice(from, headEnd).split('\r\n');
  const status = /^HTTP\/1\.1 ([1-5]\d\d) [\t -~]*$/.exec(statusLine)?.[1];
  if (status === undefined) throw new Error(`not a status line: ${JSON.stringify(statusLine.slice(0, 200))}`);
  const fields = lines.map(readField);
  const get = (name: string) => fields.find(([other]) => other === name)?.[1];
  const response = { status: Number(status), statusLine, fields, trailers: [] as string[], get };
  const start = headEnd + 4;
  const switched = response.status === 101 || (method === 'CONNECT' && response.status < 300);
  if (response.status < 200 || switched || [204, 304].includes(response.status) || method === 'HEAD') {
    return { ...response, framing: 'none', body: '', end: start };
  }
  if (get('transfer-encoding') !== undefined) {
    if (get('transfer-encoding') !== 'chunked' || get('content-length') !== undefined)
      throw new Error(`framing: ${lines}`);
    const chunked = readChunks(text, start);
    return chunked && { ...response, framing: 'chunked', ...chunked };
  }
  const length = get('content-length');
  if (length !== undefined) {
    const end = start + Number(length);
    return text.length < end ? undefined : { ...response, framing: 'length', body: text.slice(start, end), end };
  }
  return ended ? { ...response, framing: 'close', body: text.slice(start), end: text.length } : undefined;
}

function readField(line: string): readonly [string, string] {
  const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([\t -~\x80-\xff]*)$/.exec(line);
  if (match === null) throw new Error(`not a field line: ${JSON.stringify(line.slice(0, 200))}`);
  return [(match[1] as string).toLowerCase(), match[2] as string];
}

/** The chunked body at `from`, with its trailers; undefined while it is incomplete. */
export function readChunks(text: string, from: number): { body: string; trailers: string[]; end: number } | undefined {
  let body = '';
  let at = from;
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const line = text.slice(at, lineEnd);
    if (!/^[0-9a-f]{1,8}$/.test(line)) throw new Error(`not a chunk size: ${JSON.stringify(line.slice(0, 50))}`);
    const size = Number.parseInt(line, 16);
    at = lineEnd + 2;
    if (size === 0) break;
    if (text.length < at + size + 2) return undefined;
    if (text.slice(at + size, at + size + 2) !== '\r\n') throw new Error('a chunk does not end in CRLF');
    body += text.slice(at, at + size);
    at += size + 2;
  }
  if (text.startsWith('\r\n', at)) return { body, trailers: [], end: at + 2 };
  const end = text.indexOf('\r\n\r\n', at);
  if (end < 0) return undefined;
  const trailers = text.slice(at, end).split('\r\n');
  for (const line of trailers) readField(line);
  return { body, trailers, end: end + 4 };
}
