import { canonicalAuthority } from '../http/authority.ts';
import { canonicalPath } from '../http/canonical-path.ts';
import { CR, LF, SPACE, TARGET, TOKEN } from '../http/characters.ts';
import { parseContentLength } from '../http/content-length.ts';
import type { AliasPolicy, DroppedField } from '../http/field-policy.ts';
import { readMethod } from '../http/method-names.ts';
import type { RequestHead } from '../stream/head.ts';
import { BodyMode } from './body-decoder.ts';
import type { Http1Limits } from './limits.ts';
import { MessageFields } from './message-fields.ts';
import { ParseStatus } from './parse-status.ts';
import { type RequestTarget, readTarget } from './request-target.ts';
import { fieldScan, scanFieldLines, scanReasons } from './scan-field-lines.ts';

export interface RequestParserOptions {
  readonly edge: boolean;
  readonly tls: boolean;
  /** A forward proxy: the scheme and authority of an absolute target are believed. */
  readonly allowAbsoluteForm: boolean;
  readonly allowConnect: boolean;
  readonly limits: Http1Limits;
  readonly alias: AliasPolicy;
  readonly onDropped: DroppedField | undefined;
}

const VERSION = Buffer.from(' HTTP/1.');

/**
 * Parses request heads, strictly (RFC 9112 §3, §5, §6; security.md §2.1). One per connection: the result of `parse`
 * stays in its properties until the next call.
 */
export class RequestParser {
  readonly #options: RequestParserOptions;
  readonly #fields: MessageFields;
  #methodEnd = 0;
  #targetEnd = 0;
  #http11 = true;
  #fieldsFrom = 0;
  #method = '';
  #path = '';
  #target: RequestTarget | undefined;
  #contentLength = 0;
  #lastHost = '';
  #lastAuthority = '';

  head: RequestHead | undefined;
  bodyMode: number = BodyMode.none;
  /** The connection ends with this exchange: HTTP/1.0, or the peer says so. */
  close = false;
  /** Offset behind the head. */
  end = 0;
  reason = '';

  constructor(options: RequestParserOptions) {
    this.#options = options;
    this.#fields = new MessageFields(options.limits, options.alias, options.onDropped);
  }

  /** Parses a head from `from` on. What stands behind it, up to `to`, is not looked at. */
  parse(bytes: Buffer, from: number, to: number): number {
    const start = this.#skipEmptyLine(bytes, from, to);
    if (start < 0) return this.reason === '' ? ParseStatus.incomplete : ParseStatus.refused;
    const status = this.#scanLine(bytes, start, to);
    if (status !== ParseStatus.ok) return status;
    const count = scanFieldLines(bytes, this.#fieldsFrom, to);
    if (count === -1) return ParseStatus.incomplete;
    if (count < 0) return this.#refuse(scanReasons[-count] as string);
    this.end = fieldScan.end;
    const { maxStartLineBytes, maxHeaderBytes } = this.#options.limits;
    if (this.end - from - 1 > maxStartLineBytes + maxHeaderBytes) return this.#refuse('h1.headers-too-large');
    const text = bytes.toString('latin1', start, this.end);
    const reason = this.#readLine(text, start) ?? this.#fields.read(bytes, text, start, count) ?? this.#readHead();
    return reason === undefined ? ParseStatus.ok : this.#refuse(reason);
  }

  /** Gives the head away; an idle connection should hold nothing. Only after `parse` has returned `ok`. */
  takeHead(): RequestHead {
    const head = this.head as RequestHead;
    this.head = undefined;
    this.#fields.release();
    return head;
  }

  /** Judges a request line alone, before its fields have come. */
  parseLine(bytes: Buffer): number {
    const start = this.#skipEmptyLine(bytes, 0, bytes.length);
    if (start < 0) return this.#refuse(this.reason);
    const status = this.#scanLine(bytes, start, bytes.length);
    if (status !== ParseStatus.ok) return status;
    const reason = this.#readLine(bytes.toString('latin1', start, this.#fieldsFrom), start);
    return reason === undefined ? ParseStatus.ok : this.#refuse(reason);
  }

  #refuse(reason: string): number {
    this.reason = reason;
    return ParseStatus.refused;
  }

  /** RFC 9112 §2.2: one empty line before the request line is forgiven. Returns -1 for more, or for too few bytes. */
  #skipEmptyLine(bytes: Buffer, from: number, to: number): number {
    this.reason = '';
    if (from >= to) return -1;
    if (bytes[from] !== CR) return from;
    if (from + 1 < to && bytes[from + 1] !== LF) this.reason = 'h1.bare-cr';
    else if (from + 2 < to) {
      if (bytes[from + 2] !== CR && bytes[from + 2] !== LF) return from + 2;
      this.reason = 'h1.leading-crlf';
    }
    return -1;
  }

  #scanLine(bytes: Buffer, start: number, to: number): number {
    let at = start;
    while (at < to && TOKEN[bytes[at] as number] === 1) at++;
    if (at === to) return ParseStatus.incomplete;
    if (bytes[at] !== SPACE || at === start) {
      if (bytes[start] === 0x16) return this.#refuse('h1.tls-on-plaintext');
      return this.#refuse(bytes[at] === LF ? 'h1.bare-lf' : 'h1.malformed-request-line');
    }
    this.#methodEnd = at++;
    while (at < to && TARGET[bytes[at] as number] === 1) at++;
    if (at === to) return ParseStatus.incomplete;
    this.#targetEnd = at;
    if (bytes[at] !== SPACE || at === this.#methodEnd + 1)
      return this.#refuse(targetReason(bytes, at, this.#methodEnd));
    if (at - start > this.#options.limits.maxStartLineBytes - 9) return this.#refuse('h1.request-line-too-long');
    if (to - at < 11) return this.#scanVersionStart(bytes, start, at, to);
    for (let i = 1; i < 8; i++)
      if (bytes[at + i] !== VERSION[i]) return this.#refuse(versionReason(bytes, start, at, to));
    const minor = bytes[at + 8];
    if ((minor !== 0x31 && minor !== 0x30) || bytes[at + 9] !== CR || bytes[at + 10] !== LF) {
      return this.#refuse(versionReason(bytes, start, at, to));
    }
    this.#http11 = minor === 0x31;
    this.#fieldsFrom = at + 11;
    return ParseStatus.ok;
  }

  /** Too few bytes for a version: wrong already when the line has ended. */
  #scanVersionStart(bytes: Buffer, start: number, at: number, to: number): number {
    for (let i = at; i < to; i++) if (bytes[i] === LF) return this.#refuse(versionReason(bytes, start, at, to));
    return ParseStatus.incomplete;
  }

  #readLine(text: string, start: number): string | undefined {
    const { edge, allowConnect } = this.#options;
    const method = readMethod(text.slice(0, this.#methodEnd - start), edge, allowConnect);
    if (method.startsWith('h1.')) return method;
    if (!this.#http11 && edge) return 'h1.http10';
    this.#method = method;
    const target = text.slice(this.#methodEnd + 1 - start, this.#targetEnd - start);
    this.#target = undefined;
    if (target.charCodeAt(0) === 0x2f && method !== 'CONNECT') {
      this.#path = canonicalPath(target, edge);
      return this.#path.charCodeAt(0) === 0x2f ? undefined : this.#path;
    }
    const read = readTarget(method, target, edge);
    if (typeof read === 'string') return read;
    this.#target = read;
    this.#path = read.path;
    return undefined;
  }

  #readHead(): string | undefined {
    const fields = this.#fields;
    const framing = this.#readFraming();
    if (framing !== undefined) return framing;
    const host = this.#readHost();
    if (host !== undefined) return host;
    const hasBody = this.bodyMode !== BodyMode.none;
    const contentLength = fields.contentLengths === 0 ? undefined : this.#contentLength;
    if (fields.expects > 0 && this.#http11) {
      if (fields.expects > 1 || fields.expect?.toLowerCase() !== '100-continue') return 'h1.bad-expect';
    }
    const upgrade = this.#http11 && fields.upgrade !== undefined ? fields.upgradeProtocol : undefined;
    if (upgrade !== undefined && hasBody) return 'h1.upgrade-with-body';
    if (this.#method === 'CONNECT' && hasBody) return 'h1.connect-with-body';
    const target = this.#target;
    const scheme = this.#options.tls ? 'https' : 'http';
    this.close = fields.close || !this.#http11;
    this.head = {
      method: this.#method,
      scheme: this.#options.allowAbsoluteForm ? (target?.scheme ?? scheme) : scheme,
      authority: target?.authority ?? this.#lastAuthority,
      path: this.#path,
      headers: fields.headers,
      version: this.#http11 ? '1.1' : '1.0',
      absoluteForm: target?.scheme !== undefined,
      upgrade,
      expectContinue: fields.expects > 0 && this.#http11 && hasBody,
      contentLength,
    };
    return undefined;
  }

  #readFraming(): string | undefined {
    const fields = this.#fields;
    this.bodyMode = BodyMode.none;
    if (fields.transferEncodings > 0) {
      if (fields.contentLengths > 0) return 'h1.content-length-and-transfer-encoding';
      if (!this.#http11) return 'h1.transfer-encoding-in-http10';
      const coding = (fields.transferEncoding as string).toLowerCase();
      if (fields.transferEncodings > 1) return 'h1.bad-transfer-encoding';
      if (coding !== 'chunked') {
        return /^[a-z-]+(?:[\t ]*,[\t ]*[a-z-]+)*[\t ]*,[\t ]*chunked$/.test(coding) &&
          !coding.slice(0, -7).includes('chunked')
          ? 'h1.unsupported-transfer-coding'
          : 'h1.bad-transfer-encoding';
      }
      this.bodyMode = BodyMode.chunked;
    } else if (fields.contentLengths > 0) {
      if (fields.contentLengths > 1) return 'h1.duplicate-content-length';
      const length = parseContentLength(fields.contentLength as string);
      if (length === undefined) return 'h1.bad-content-length';
      this.#contentLength = length;
      if (length > 0) this.bodyMode = BodyMode.length;
    }
    return undefined;
  }

  #readHost(): string | undefined {
    const fields = this.#fields;
    if (fields.hosts > 1) return 'h1.duplicate-host';
    const host = fields.host;
    const target = this.#target;
    if (host === undefined) {
      if (this.#http11) return 'h1.missing-host';
      this.#lastHost = '';
      this.#lastAuthority = '';
      return undefined;
    }
    if (host !== this.#lastHost || host === '') {
      // A copy: a slice would keep the whole head for as long as the connection lives.
      const own = Buffer.from(host, 'latin1').toString('latin1');
      const authority = canonicalAuthority(own);
      if (authority === undefined) return 'h1.bad-host';
      this.#lastHost = own;
      this.#lastAuthority = authority;
    }
    if (target === undefined || target.authority === undefined || this.#options.allowAbsoluteForm) return undefined;
    if (this.#options.edge && target.authority !== this.#lastAuthority && target.scheme !== undefined)
      return 'h1.host-mismatch';
    if (target.scheme !== undefined && (target.scheme === 'https') !== this.#options.tls) return 'h1.scheme-mismatch';
    return undefined;
  }
}

function targetReason(bytes: Buffer, at: number, methodEnd: number): string {
  const byte = bytes[at] as number;
  if (byte === LF) return 'h1.bare-lf';
  // A path and no version is HTTP/0.9.
  if (byte === CR) return bytes[methodEnd + 1] === 0x2f ? 'h1.version-not-supported' : 'h1.malformed-request-line';
  return byte === SPACE || byte === 0x09 ? 'h1.malformed-request-line' : 'h1.bad-target-byte';
}

/** Tells a version that is not ours from a line that is none. */
function versionReason(bytes: Buffer, start: number, at: number, to: number): string {
  if (bytes.toString('latin1', start, at) === 'PRI *') return 'h1.http2-preface';
  const version = bytes.toString('latin1', at + 1, Math.min(to, at + 11));
  if (/^HTTP\/1\.[01]\n/.test(version)) return 'h1.bare-lf';
  if (/^HTTP\/1\.[01]\r/.test(version)) return 'h1.bare-cr';
  return /^HTTP\/\d+\.\d+\r/.test(version) ? 'h1.version-not-supported' : 'h1.malformed-request-line';
}
