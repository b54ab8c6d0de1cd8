/** The first bytes of every HTTP/2 connection (RFC 9113 §3.4); no HTTP/1 request begins so. */
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

/** Tells HTTP/2 with prior knowledge from HTTP/1 by the first bytes of a connection, however they are cut. */
export class PrefaceSniffer {
  #held: Buffer | undefined;

  /** The version, and all bytes so far; `undefined` while what has come could still become either. */
  sniff(chunk: Buffer): { protocol: 'http1' | 'http2'; bytes: Buffer } | undefined {
    const bytes = this.#held === undefined ? chunk : Buffer.concat([this.#held, chunk]);
    const length = Math.min(bytes.length, preface.length);
    if (bytes.compare(preface, 0, length, 0, length) !== 0) return { protocol: 'http1', bytes };
    if (length === preface.length) return { protocol: 'http2', bytes };
    this.#held = bytes;
    return undefined;
  }

  /** What was held back when no more bytes come. */
  get held(): Buffer | undefined {
    return this.#held;
  }
}
