import { isIP } from 'node:net';

/** What a client says before anything is encrypted (RFC 8446 section 4.1.2). */
export interface ClientHello {
  /** SNI (RFC 6066 section 3) in lower case and without a trailing dot; `undefined` for none, or an IP address. */
  readonly serverName: string | undefined;
  /** Offered by ALPN (RFC 7301), the client's favourite first. */
  readonly alpnProtocols: readonly string[];
}

/** `reason` starts with `tls.` and names the metric; `alert` is what TLS has for it. */
export type ClientHelloResult =
  | { readonly kind: 'more' }
  | { readonly kind: 'hello'; readonly hello: ClientHello }
  | { readonly kind: 'invalid'; readonly reason: string; readonly detail: string; readonly alert: number };

/** First byte of a TLS record that holds a ClientHello. */
export const tlsHandshakeByte = 0x16;
/** A ClientHello with the records around it has at most so many bytes. */
export const maxClientHelloBytes = 16_384;

const alerts = { unexpectedMessage: 10, decodeError: 50, protocolVersion: 70, unrecognizedName: 112 } as const;
const recordHeaderBytes = 5;
const handshakeHeaderBytes = 4;
const serverNameExtension = 0;
const alpnExtension = 16;
const more: ClientHelloResult = { kind: 'more' };

/** Reads a ClientHello that may come in any number of pieces and records. Takes nothing out of what it reads. */
export class ClientHelloReader {
  #bytes: Buffer = Buffer.alloc(0);
  #length = 0;
  /** Where the next record begins. */
  #record = 0;
  readonly #payloads: Buffer[] = [];
  #payloadBytes = 0;

  /** Call until the answer is another than `more`. */
  push(chunk: Buffer): ClientHelloResult {
    if (this.#length >= maxClientHelloBytes) return tooLong();
    this.#append(chunk);
    for (;;) {
      const result = this.#nextRecord();
      if (result !== undefined) return result;
    }
  }

  #append(chunk: Buffer): void {
    if (this.#length === 0) {
      this.#bytes = chunk;
    } else {
      if (this.#bytes.length < this.#length + chunk.length) {
        const grown = Buffer.allocUnsafe(Math.max(2 * this.#bytes.length, this.#length + chunk.length));
        this.#bytes.copy(grown, 0, 0, this.#length);
        this.#bytes = grown;
      }
      chunk.copy(this.#bytes, this.#length);
    }
    this.#length += chunk.length;
  }

  /** `undefined` when a whole record was read and the message is longer than it. */
  #nextRecord(): ClientHelloResult | undefined {
    const at = this.#record;
    const have = this.#length - at;
    if (have < 1) return more;
    if (this.#bytes[at] !== tlsHandshakeByte) {
      return invalid('tls.malformed-client-hello', 'a record of another kind', alerts.unexpectedMessage);
    }
    if (have < recordHeaderBytes) return more;
    if (this.#bytes[at + 1] !== 3) {
      return invalid('tls.malformed-client-hello', 'not a version of TLS', alerts.protocolVersion);
    }
    const length = this.#bytes.readUInt16BE(at + 3);
    if (length === 0) return invalid('tls.malformed-client-hello', 'an empty record', alerts.decodeError);
    const end = at + recordHeaderBytes + length;
    if (end > maxClientHelloBytes) return tooLong();
    if (this.#length < end) return more;
    // A view stays what it is, also when the buffer is exchanged for a larger one.
    this.#payloads.push(this.#bytes.subarray(at + recordHeaderBytes, end));
    this.#payloadBytes += length;
    this.#record = end;
    return this.#message();
  }

  #message(): ClientHelloResult | undefined {
    if (this.#payloadBytes < handshakeHeaderBytes) return undefined;
    const payload = this.#payloads.length === 1 ? (this.#payloads[0] as Buffer) : Buffer.concat(this.#payloads);
    if (payload[0] !== 1) {
      return invalid('tls.malformed-client-hello', 'not a ClientHello', alerts.unexpectedMessage);
    }
    const end = handshakeHeaderBytes + payload.readUIntBE(1, 3);
    if (end > maxClientHelloBytes) return tooLong();
    if (payload.length < end) return undefined;
    return readBody(payload.subarray(handshakeHeaderBytes, end));
  }
}

/** The record that ends a handshake before it began, with a fatal alert. */
export function alertRecord(alert: number): Buffer {
  return Buffer.from([21, 3, 1, 0, 2, 2, alert]);
}

/** Steps through vectors with a length before them; once one does not fit, everything after is empty. */
class Cursor {
  readonly #bytes: Buffer;
  #at: number;
  ok = true;

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get left(): number {
    return this.ok ? this.#bytes.length - this.#at : 0;
  }

  number(bytes: 1 | 2): number {
    if (this.left < bytes) {
      this.ok = false;
      return 0;
    }
    const value = this.#bytes.readUIntBE(this.#at, bytes);
    this.#at += bytes;
    return value;
  }

  vector(lengthBytes: 1 | 2): Buffer {
    const length = this.number(lengthBytes);
    if (this.left < length) {
      this.ok = false;
      return Buffer.alloc(0);
    }
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}

const versionAndRandomBytes = 34;

function readBody(body: Buffer): ClientHelloResult {
  const cursor = new Cursor(body, Math.min(versionAndRandomBytes, body.length));
  const session = cursor.vector(1);
  const ciphers = cursor.vector(2);
  const compressions = cursor.vector(1);
  if (!cursor.ok || session.length > 32 || ciphers.length < 2 || ciphers.length % 2 !== 0 || compressions.length < 1) {
    return malformed('its lengths do not fit');
  }
  const extensions = new Map<number, Buffer>();
  if (cursor.left > 0) {
    const list = new Cursor(cursor.vector(2));
    if (!cursor.ok || cursor.left > 0) return malformed('the extensions do not end where the message does');
    while (list.left > 0) {
      const type = list.number(2);
      const content = list.vector(2);
      if (!list.ok) return malformed('an extension is longer than all of them');
      if (extensions.has(type)) return malformed(`extension ${type} is there twice`);
      extensions.set(type, content);
    }
  }
  return readNames(extensions.get(serverNameExtension), extensions.get(alpnExtension));
}

function readNames(sni: Buffer | undefined, alpn: Buffer | undefined): ClientHelloResult {
  const alpnProtocols: string[] = [];
  if (alpn !== undefined) {
    const outer = new Cursor(alpn);
    const list = new Cursor(outer.vector(2));
    while (list.left > 0) {
      const name = list.vector(1);
      if (!list.ok || name.length === 0) return malformed('the ALPN names do not fit');
      alpnProtocols.push(name.toString('latin1'));
    }
    if (!outer.ok || outer.left > 0) return malformed('the ALPN names do not fit');
  }
  if (sni === undefined) return { kind: 'hello', hello: { serverName: undefined, alpnProtocols } };
  const outer = new Cursor(sni);
  const list = new Cursor(outer.vector(2));
  const type = list.number(1);
  const name = list.vector(2);
  if (!outer.ok || !list.ok || outer.left > 0 || list.left > 0 || type !== 0) {
    return malformed('the server name does not fit');
  }
  const serverName = canonicalServerName(name.toString('latin1'));
  if (serverName !== undefined) {
    return { kind: 'hello', hello: { serverName: isIP(serverName) > 0 ? undefined : serverName, alpnProtocols } };
  }
  return invalid('tls.invalid-server-name', 'the server name is no host name', alerts.unrecognizedName);
}

const hostName = /^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

/** Lower case without a trailing dot, or `undefined` for what is no host name (security.md TLS-24). */
export function canonicalServerName(name: string): string | undefined {
  const lower = (name.endsWith('.') ? name.slice(0, -1) : name).toLowerCase();
  return lower.length <= 253 && (hostName.test(lower) || isIP(lower) > 0) ? lower : undefined;
}

function invalid(reason: string, detail: string, alert: number): ClientHelloResult {
  return { kind: 'invalid', reason, detail, alert };
}

function malformed(detail: string): ClientHelloResult {
  return invalid('tls.malformed-client-hello', detail, alerts.decodeError);
}

function tooLong(): ClientHelloResult {
  return invalid('tls.client-hello-too-long', `more than ${maxClientHelloBytes} bytes`, alerts.decodeError);
}
