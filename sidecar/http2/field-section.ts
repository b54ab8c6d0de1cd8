import { FieldKind, type FieldName } from '../http/field-names.ts';
import type { AliasPolicy, DroppedField } from '../http/field-policy.ts';
import { isForbiddenTrailer } from '../http/trailer-names.ts';
import { Headers } from '../stream/headers.ts';
import type { Http2Limits } from './limits.ts';

const NONE = new Headers();

/** Which fields may stand in a section. */
export const SectionKind = { request: 0, response: 1, trailers: 2 } as const;

/**
 * One field section as the HPACK decoder fills it: what goes on (`headers`), what the codec itself needs to know, and
 * the first thing that is wrong with it. One object per connection, used again for each section.
 */
export class FieldSection {
  readonly #limits: Http2Limits;
  readonly #alias: AliasPolicy;
  readonly #onDropped: DroppedField | undefined;
  #kind: number = SectionKind.request;
  headers: Headers = NONE;
  method = '';
  scheme = '';
  authority = '';
  path = '';
  protocol = '';
  status = '';
  /** One bit for each pseudo-header field that was there. */
  #pseudo = 0;
  #regular = false;
  host: string | undefined;
  contentLength: string | undefined;
  expect: string | undefined;
  #cookieAt = -1;
  #cookie = '';
  #cookies = 0;
  #fields = 0;
  /** As the peer was told to count. */
  #bytes = 0;
  /** With everything counted; what decoding has cost us. */
  #decoded = 0;
  /** Why the message is none: the stream is reset (RFC 9113 §8.1.1). */
  malformed = '';
  /** Why it is refused with a status. */
  refused = '';

  constructor(limits: Http2Limits, alias: AliasPolicy, onDropped: DroppedField | undefined) {
    this.#limits = limits;
    this.#alias = alias;
    this.#onDropped = onDropped;
  }

  /** More than any message may have: decoding stops. */
  get overfull(): boolean {
    return this.#decoded > this.#limits.maxDecodedBytes;
  }

  /** Starts a section of one of {@link SectionKind}. */
  begin(kind: number): void {
    this.#kind = kind;
    this.headers = new Headers();
    this.#pseudo = 0;
    this.#regular = false;
    this.host = undefined;
    this.contentLength = undefined;
    this.expect = undefined;
    this.#cookieAt = -1;
    this.#cookies = 0;
    this.#fields = 0;
    this.#bytes = 0;
    this.#decoded = 0;
    this.malformed = '';
    this.refused = '';
  }

  /** Whether a pseudo-header field of this kind was there. */
  has(kind: number): boolean {
    return (this.#pseudo & (1 << kind)) !== 0;
  }

  /** How many kinds of pseudo-header field there were. */
  isExactly(mask: number): boolean {
    return this.#pseudo === mask;
  }

  /** Lets go of the fields, which belong to the message now. */
  release(): void {
    this.headers = NONE;
    this.#cookie = '';
  }

  /** The peer wants this field in no table. */
  neverIndex(name: string): void {
    this.headers.neverIndexed ??= [];
    if (this.headers.neverIndexed.length < 16) this.headers.neverIndexed.push(name);
  }

  /** Takes a field. `bad`: the value has something that none may have. */
  add(field: FieldName, value: string, bad: boolean): void {
    const kind = field.kind;
    const size = field.name.length + value.length;
    this.#decoded += size + 32;
    if (kind >= FieldKind.pseudoMethod && field.lower) {
      this.#bytes += size + 32;
      this.#addPseudo(kind, value, bad);
      return;
    }
    this.#regular = true;
    if (bad || !field.lower) {
      this.#spoil(field.lower ? 'h2.bad-field-value' : 'h2.bad-field-name');
      return;
    }
    if (kind === FieldKind.plain) {
      this.#fields++;
      this.#bytes += size + 32;
      if (size > this.#limits.maxFieldBytes) this.#refuse('h2.field-too-large');
      else if (field.alias && this.#alias !== 'allow') this.#addAlias(field);
      else if (this.#kind === SectionKind.trailers && isForbiddenTrailer(field.name)) {
        this.#onDropped?.('h2.forbidden-trailer', field.name);
      } else if (this.#fields <= this.#limits.maxFields) this.headers.appendRaw(field.name, field.rawName, value);
    } else if (kind === FieldKind.cookie) this.#addCookie(field, value, size);
    else {
      this.#fields++;
      this.#bytes += size + 32;
      this.#addSpecial(field, value, size);
    }
  }

  /** To be called once when all fields are there: joins the cookies, and holds the sums against the limits. */
  finish(): void {
    const { maxFields, maxCookieFields, maxHeaderBytes } = this.#limits;
    if (this.#cookieAt >= 0) this.headers.values[this.#cookieAt] = this.#cookie;
    if (this.#fields > maxFields || this.#cookies > maxCookieFields) this.#refuse('h2.too-many-fields');
    else if (this.#bytes > maxHeaderBytes) this.#refuse('h2.headers-too-large');
  }

  #addPseudo(kind: number, value: string, bad: boolean): void {
    const bit = 1 << kind;
    if (bad) this.#spoil('h2.bad-field-value');
    else if (this.#regular) this.#spoil('h2.late-pseudo-field');
    else if ((this.#pseudo & bit) !== 0) this.#spoil('h2.repeated-pseudo-field');
    else if (
      this.#kind === SectionKind.trailers ||
      (kind === FieldKind.pseudoStatus) !== (this.#kind === SectionKind.response)
    ) {
      this.#spoil('h2.unexpected-pseudo-field');
    }
    this.#pseudo |= bit;
    switch (kind) {
      case FieldKind.pseudoMethod:
        this.method = value;
        break;
      case FieldKind.pseudoScheme:
        this.scheme = value;
        break;
      case FieldKind.pseudoAuthority:
        this.authority = value;
        break;
      case FieldKind.pseudoPath:
        this.path = value;
        break;
      case FieldKind.pseudoProtocol:
        this.protocol = value;
        break;
      default:
        this.status = value;
    }
  }

  #addAlias(field: FieldName): void {
    if (this.#alias === 'reject') this.#refuse('h2.alias-field-name');
    else this.#onDropped?.('h2.alias-field-name', field.name);
  }

  /** RFC 9113 §8.2.3: the pieces of `Cookie` become one field again. */
  #addCookie(field: FieldName, value: string, size: number): void {
    this.#cookies++;
    this.#bytes += size;
    if (this.#kind === SectionKind.trailers) this.#onDropped?.('h2.forbidden-trailer', field.name);
    else if (this.#cookies > this.#limits.maxCookieFields) return;
    else if (field.name !== 'cookie') {
      if (size > this.#limits.maxCookieBytes) this.#refuse('h2.field-too-large');
      else this.headers.appendRaw(field.name, field.rawName, value);
    } else if (this.#cookieAt < 0) {
      this.#cookieAt = this.headers.size;
      this.#cookie = value;
      this.headers.appendRaw('cookie', 'cookie', value);
      if (size > this.#limits.maxCookieBytes) this.#refuse('h2.field-too-large');
    } else if (this.#cookie.length + size > this.#limits.maxCookieBytes) this.#refuse('h2.field-too-large');
    else this.#cookie += `; ${value}`;
  }

  #addSpecial(field: FieldName, value: string, size: number): void {
    if (size > this.#limits.maxFieldBytes) this.#refuse('h2.field-too-large');
    switch (field.kind) {
      case FieldKind.host:
        // A response has no use for it.
        if (this.#kind !== SectionKind.request) this.#onDropped?.('h2.unexpected-host', field.name);
        else if (this.host !== undefined) this.#refuse('h2.duplicate-host');
        else this.host = value;
        break;
      case FieldKind.contentLength:
        if (this.#kind === SectionKind.trailers) this.#onDropped?.('h2.forbidden-trailer', field.name);
        else if (this.contentLength !== undefined) this.#spoil('h2.duplicate-content-length');
        else this.contentLength = value;
        break;
      case FieldKind.expect:
        if (this.#kind !== SectionKind.request) this.#onDropped?.('h2.unexpected-expect', field.name);
        else if (this.expect !== undefined) this.#refuse('h2.bad-expect');
        else this.expect = value;
        break;
      case FieldKind.te:
        if (value !== 'trailers') this.#spoil('h2.connection-field');
        else if (this.#kind === SectionKind.request) this.headers.appendRaw('te', 'te', 'trailers');
        break;
      default:
        // RFC 9113 §8.2.2: fields of the connection are for HTTP/1.
        this.#spoil('h2.connection-field');
    }
  }

  #spoil(reason: string): void {
    if (this.malformed === '') this.malformed = reason;
  }

  #refuse(reason: string): void {
    if (this.refused === '') this.refused = reason;
  }
}
