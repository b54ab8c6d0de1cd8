import { FieldKind, fieldKind, fieldName } from '../http/field-names.ts';
import type { AliasPolicy, DroppedField } from '../http/field-policy.ts';
import { Headers } from '../stream/headers.ts';
import type { Http1Limits } from './limits.ts';
import { fieldScan } from './scan-field-lines.ts';

const NONE = new Headers();
const MAX_CONNECTION_OPTIONS = 32;
const CONNECTION_OPTION = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/**
 * The field section of one message, read from the last scan: what goes on (`headers`), and what the codec itself
 * needs to know. One object per connection, used again for each message.
 */
export class MessageFields {
  readonly #limits: Http1Limits;
  readonly #alias: AliasPolicy;
  readonly #onDropped: DroppedField | undefined;
  headers: Headers = NONE;
  host: string | undefined;
  hosts = 0;
  contentLength: string | undefined;
  contentLengths = 0;
  transferEncoding: string | undefined;
  transferEncodings = 0;
  expect: string | undefined;
  expects = 0;
  upgrade: string | undefined;
  #connection: string | undefined;
  #acceptsTrailers = false;
  /** Options of `Connection`. */
  close = false;
  #upgradeOption = false;
  /** Seconds of `Keep-Alive: timeout=`; 0 when not said. */
  keepAliveSeconds = 0;

  constructor(limits: Http1Limits, alias: AliasPolicy, onDropped: DroppedField | undefined) {
    this.#limits = limits;
    this.#alias = alias;
    this.#onDropped = onDropped;
  }

  /**
   * Takes the fields scanned in `bytes` over; `text` is their latin1 form from offset `base` on.
   * Returns the reason for a refusal, or undefined. Hop-by-hop fields are gone afterwards, those that `Connection`
   * names among them.
   */
  read(bytes: Buffer, text: string, base: number, count: number): string | undefined {
    this.#reset();
    const offsets = fieldScan.offsets;
    const headers = this.headers;
    const { maxFields, maxHeaderBytes, maxFieldBytes, maxCookieFields } = this.#limits;
    let total = 0;
    let cookies = 0;
    for (let slot = 0; slot < count * 4; slot += 4) {
      const start = offsets[slot] as number;
      const valueEnd = offsets[slot + 3] as number;
      const field = fieldName(bytes, start, offsets[slot + 1] as number);
      const value = text.slice((offsets[slot + 2] as number) - base, valueEnd - base);
      const size = field.name.length + value.length;
      total += field.kind === FieldKind.cookie ? size : size + 32;
      if (size > maxFieldBytes && (field.kind !== FieldKind.cookie || size > this.#limits.maxCookieBytes)) {
        return 'h1.field-too-large';
      }
      if (field.kind === FieldKind.plain) {
        if (field.alias && this.#alias !== 'allow') {
          if (this.#alias === 'reject') return 'h1.alias-field-name';
          this.#onDropped?.('h1.alias-field-name', field.name);
        } else headers.appendRaw(field.name, field.rawName, value);
      } else if (field.kind === FieldKind.cookie) {
        cookies++;
        headers.appendRaw(field.name, field.rawName, value);
      } else this.#special(field.kind, value);
    }
    if (count - cookies > maxFields || cookies > maxCookieFields) return 'h1.too-many-fields';
    if (total > maxHeaderBytes) return 'h1.headers-too-large';
    return this.#applyConnection();
  }

  /** Lets go of the fields, which belong to the message now: an idle connection should hold nothing. */
  release(): void {
    this.headers = NONE;
  }

  /** The protocols of `Upgrade` that go on, in lower case: none without `Connection: upgrade`, and never `h2c`. */
  get upgradeProtocol(): string | undefined {
    if (this.upgrade === undefined || !this.#upgradeOption) return undefined;
    const wanted = this.upgrade
      .toLowerCase()
      .split(',')
      .map((protocol) => protocol.trim())
      .filter((protocol) => protocol !== '' && protocol !== 'h2c');
    return wanted.length === 0 ? undefined : wanted.join(', ');
  }

  #reset(): void {
    this.headers = new Headers();
    this.host = undefined;
    this.hosts = 0;
    this.contentLength = undefined;
    this.contentLengths = 0;
    this.transferEncoding = undefined;
    this.transferEncodings = 0;
    this.expect = undefined;
    this.expects = 0;
    this.upgrade = undefined;
    this.#connection = undefined;
    this.#acceptsTrailers = false;
    this.close = false;
    this.#upgradeOption = false;
    this.keepAliveSeconds = 0;
  }

  #special(kind: number, value: string): void {
    switch (kind) {
      case FieldKind.host:
        this.host = value;
        this.hosts++;
        break;
      case FieldKind.contentLength:
        this.contentLength = value;
        this.contentLengths++;
        break;
      case FieldKind.transferEncoding:
        this.transferEncoding = value;
        this.transferEncodings++;
        break;
      case FieldKind.connection:
        this.#connection = this.#connection === undefined ? value : `${this.#connection},${value}`;
        break;
      case FieldKind.upgrade:
        this.upgrade = this.upgrade === undefined ? value : `${this.upgrade},${value}`;
        break;
      case FieldKind.expect:
        this.expect = value;
        this.expects++;
        break;
      case FieldKind.te:
        if (/(?:^|,)[\t ]*trailers[\t ]*(?:,|$)/i.test(value)) this.#acceptsTrailers = true;
        break;
      case FieldKind.keepAlive:
        this.keepAliveSeconds = Number(/(?:^|[,\t ])timeout=(\d{1,6})/i.exec(value)?.[1] ?? 0);
        break;
      default: // hop-by-hop: gone
    }
  }

  #applyConnection(): string | undefined {
    const connection = this.#connection;
    if (connection !== undefined) {
      // The two that nearly every message has, without taking them apart.
      if (connection === 'close') this.close = true;
      else if (connection !== 'keep-alive' && !this.#applyOptions(connection.split(','))) return 'h1.bad-connection';
    }
    // Hop by hop, but the next hop must hear it again so that trailers (gRPC) are not lost on the way.
    if (this.#acceptsTrailers) this.headers.appendRaw('te', 'te', 'trailers');
    return undefined;
  }

  #applyOptions(options: readonly string[]): boolean {
    if (options.length > MAX_CONNECTION_OPTIONS) return false;
    for (const text of options) {
      const option = text.trim().toLowerCase();
      if (option === '') continue;
      if (!CONNECTION_OPTION.test(option)) return false;
      if (option === 'close') this.close = true;
      else if (option === 'upgrade') this.#upgradeOption = true;
      else if (fieldKind(option) === FieldKind.plain) this.headers.remove(option);
    }
    return true;
  }
}
