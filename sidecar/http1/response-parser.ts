import { CR, LF, SPACE, VALUE } from '../http/characters.ts';
import { parseContentLength } from '../http/content-length.ts';
import type { DroppedField } from '../http/field-policy.ts';
import type { ResponseHead } from '../stream/head.ts';
import { BodyMode } from './body-decoder.ts';
import type { Http1Limits } from './limits.ts';
import { MessageFields } from './message-fields.ts';
import { ParseStatus } from './parse-status.ts';
import { fieldScan, scanFieldLines, scanReasons } from './scan-field-lines.ts';
import { statusText } from './status-text.ts';

const VERSION = Buffer.from('HTTP/1.');
/** `HTTP/1.1 200` */
const STATUS_END = 12;

/**
 * Parses response heads as strictly as requests (security.md UP-02 to UP-10). One per connection: the result of
 * `parse` stays in its properties until the next call.
 */
export class ResponseParser {
  readonly #limits: Http1Limits;
  readonly #fields: MessageFields;
  #http11 = true;
  #status = 0;
  #reasonEnd = 0;
  #fieldsFrom = 0;

  head: ResponseHead | undefined;
  bodyMode: number = BodyMode.none;
  /** The connection can be used again after this response. */
  reusable = false;
  /** `Keep-Alive: timeout=`, in seconds; 0 when not said. */
  keepAliveSeconds = 0;
  end = 0;
  reason = '';

  constructor(limits: Http1Limits, onDropped: DroppedField | undefined) {
    this.#limits = limits;
    this.#fields = new MessageFields(limits, 'allow', onDropped);
  }

  /** Parses a head from `from` on; `method` and `upgrade` are those of the request. */
  parse(bytes: Buffer, from: number, to: number, method: string, upgrade: string | undefined): number {
    const status = this.#scanLine(bytes, from, to);
    if (status !== ParseStatus.ok) return status;
    const count = scanFieldLines(bytes, this.#fieldsFrom, to);
    if (count === -1) return ParseStatus.incomplete;
    if (count < 0) return this.#refuse(scanReasons[-count] as string);
    this.end = fieldScan.end;
    if (this.end - from - 1 > this.#limits.maxStartLineBytes + this.#limits.maxHeaderBytes) {
      return this.#refuse('h1.headers-too-large');
    }
    const text = bytes.toString('latin1', from, this.end);
    const reason = this.#fields.read(bytes, text, from, count) ?? this.#readHead(text, from, method, upgrade);
    return reason === undefined ? ParseStatus.ok : this.#refuse(reason);
  }

  /** Gives the head away; an idle connection should hold nothing. Only after `parse` has returned `ok`. */
  takeHead(): ResponseHead {
    const head = this.head as ResponseHead;
    this.head = undefined;
    this.#fields.release();
    return head;
  }

  /** Judges a status line alone, before its fields have come. */
  parseLine(bytes: Buffer): number {
    return this.#scanLine(bytes, 0, bytes.length);
  }

  #refuse(reason: string): number {
    this.reason = reason;
    return ParseStatus.refused;
  }

  #scanLine(bytes: Buffer, from: number, to: number): number {
    this.reason = '';
    if (to - from < STATUS_END + 2) return this.#scanLineStart(bytes, from, to);
    for (let i = 0; i < 7; i++) if (bytes[from + i] !== VERSION[i]) return this.#refuse('h1.bad-status-line');
    const minor = bytes[from + 7];
    if ((minor !== 0x31 && minor !== 0x30) || bytes[from + 8] !== SPACE) return this.#refuse('h1.bad-status-line');
    let status = 0;
    for (let i = 9; i < STATUS_END; i++) {
      const digit = (bytes[from + i] as number) - 0x30;
      if (digit < 0 || digit > 9) return this.#refuse('h1.bad-status');
      status = status * 10 + digit;
    }
    let at = from + STATUS_END;
    // RFC 9112 §4 wants the space even before an empty reason; many servers leave it out.
    if (bytes[at] !== SPACE && bytes[at] !== CR) return this.#refuse(bytes[at] === LF ? 'h1.bare-lf' : 'h1.bad-status');
    if (status < 100 || status > 599) return this.#refuse('h1.bad-status');
    while (at < to && VALUE[bytes[at] as number] === 1) at++;
    if (at === to) return ParseStatus.incomplete;
    if (bytes[at] !== CR) return this.#refuse(bytes[at] === LF ? 'h1.bare-lf' : 'h1.bad-status-line');
    if (at + 1 === to) return ParseStatus.incomplete;
    if (bytes[at + 1] !== LF) return this.#refuse('h1.bare-cr');
    if (at - from > this.#limits.maxStartLineBytes) return this.#refuse('h1.bad-status-line');
    this.#http11 = minor === 0x31;
    this.#status = status;
    this.#reasonEnd = at;
    this.#fieldsFrom = at + 2;
    return ParseStatus.ok;
  }

  #scanLineStart(bytes: Buffer, from: number, to: number): number {
    for (let i = from; i < to; i++) if (bytes[i] === LF) return this.#refuse('h1.bad-status-line');
    return ParseStatus.incomplete;
  }

  #readHead(text: string, from: number, method: string, upgrade: string | undefined): string | undefined {
    const fields = this.#fields;
    const status = this.#status;
    const connected = method === 'CONNECT' && status >= 200 && status <= 299;
    let length: number | undefined;
    if (fields.contentLengths > 0) {
      if (fields.contentLengths > 1) return 'h1.duplicate-content-length';
      if (fields.transferEncodings > 0) return 'h1.content-length-and-transfer-encoding';
      length = parseContentLength(fields.contentLength as string);
      if (length === undefined) return 'h1.bad-content-length';
    }
    const encoding = this.#readTransferEncoding();
    if (encoding !== undefined) return encoding;
    this.bodyMode = BodyMode.none;
    if (status < 200 || status === 204) {
      if (fields.transferEncodings > 0) return 'h1.body-not-allowed';
    } else if (!connected && method !== 'HEAD' && status !== 304) {
      if (fields.transferEncodings > 0) this.bodyMode = BodyMode.chunked;
      else if (length === undefined) this.bodyMode = BodyMode.untilClose;
      else if (length > 0) this.bodyMode = BodyMode.length;
    }
    const accepted = status === 101 ? fields.upgradeProtocol : undefined;
    if (status === 101 && !isOffered(accepted, upgrade)) return 'h1.unexpected-upgrade';
    this.reusable = this.#http11 && !fields.close && this.bodyMode !== BodyMode.untilClose;
    this.keepAliveSeconds = fields.keepAliveSeconds;
    const phrase = text.slice(STATUS_END + 1, this.#reasonEnd - from);
    this.head = {
      status,
      reason: phrase === statusText(status) ? '' : phrase,
      headers: fields.headers,
      contentLength: connected || status < 200 || status === 204 ? undefined : length,
      upgrade: accepted,
    };
    return undefined;
  }

  #readTransferEncoding(): string | undefined {
    const fields = this.#fields;
    if (fields.transferEncodings === 0) return undefined;
    if (!this.#http11) return 'h1.transfer-encoding-in-http10';
    if (fields.transferEncodings > 1) return 'h1.bad-transfer-encoding';
    return fields.transferEncoding?.toLowerCase() === 'chunked' ? undefined : 'h1.bad-transfer-encoding';
  }
}

/** Whether every accepted protocol was among those asked for. */
function isOffered(accepted: string | undefined, upgrade: string | undefined): boolean {
  if (accepted === undefined || upgrade === undefined) return false;
  const offered = upgrade.split(', ');
  return accepted.split(', ').every((protocol) => offered.includes(protocol));
}
