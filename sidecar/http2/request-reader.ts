import { randomBytes } from 'node:crypto';
import { canonicalAuthority } from '../http/authority.ts';
import { canonicalPath } from '../http/canonical-path.ts';
import { TARGET } from '../http/characters.ts';
import { parseContentLength } from '../http/content-length.ts';
import { FieldKind } from '../http/field-names.ts';
import { readMethod } from '../http/method-names.ts';
import type { RequestHead } from '../stream/head.ts';
import type { FieldSection } from './field-section.ts';

export interface RequestReaderOptions {
  readonly edge: boolean;
  readonly tls: boolean;
  /** The scheme that a request names is believed. */
  readonly allowAbsoluteForm: boolean;
  readonly allowConnect: boolean;
  readonly allowExtendedConnect: boolean;
  readonly maxPathBytes: number;
}

const ordinary = (1 << FieldKind.pseudoMethod) | (1 << FieldKind.pseudoScheme) | (1 << FieldKind.pseudoPath);
const connect = (1 << FieldKind.pseudoMethod) | (1 << FieldKind.pseudoAuthority);
const extended = ordinary | (1 << FieldKind.pseudoAuthority) | (1 << FieldKind.pseudoProtocol);

/**
 * Makes the canonical request of a field section, by the rules that HTTP/1 has (RFC 9113 §8.3.1, §8.5; RFC 8441 §4):
 * method, path and authority are judged by the same functions. One per connection: what repeats from request to
 * request is judged once.
 */
export class RequestReader {
  readonly #options: RequestReaderOptions;
  #lastMethod = '';
  #method = '';
  #lastPath = '';
  #path = '';
  #lastAuthority = '';
  #authority = '';
  /** Why there is no head: the stream is reset. */
  malformed = '';
  /** Why there is no head: it is refused with a status. */
  refused = '';

  constructor(options: RequestReaderOptions) {
    this.#options = options;
  }

  /** `end`: the stream ends with its head. Returns undefined after setting `malformed` or `refused`. */
  read(section: FieldSection, end: boolean): RequestHead | undefined {
    this.malformed = section.malformed;
    this.refused = section.refused;
    if (this.malformed !== '') return undefined;
    const isConnect = section.method === 'CONNECT' && section.has(FieldKind.pseudoMethod);
    const isExtended = section.has(FieldKind.pseudoProtocol);
    const wrong = this.#judgePseudo(section, isConnect, isExtended);
    const length = this.#contentLength(section, end);
    if (wrong !== '' || length < -1) {
      this.malformed = wrong === '' ? 'h2.content-length-mismatch' : wrong;
      return undefined;
    }
    if (this.refused === '') this.refused = this.#judge(section, isConnect, isExtended);
    if (this.refused !== '') return undefined;
    const upgrade = isExtended ? 'websocket' : undefined;
    // HTTP/1 wants a nonce in the handshake, which HTTP/2 has no use for.
    if (isExtended) section.headers.set('sec-websocket-key', randomBytes(16).toString('base64'));
    return {
      method: isExtended ? 'GET' : this.#method,
      scheme: this.#scheme(section),
      authority: this.#authority,
      path: isConnect && !isExtended ? '' : this.#path,
      headers: section.headers,
      version: '2',
      absoluteForm: false,
      upgrade,
      expectContinue: section.expect !== undefined && !end,
      contentLength: length < 0 ? undefined : length,
    };
  }

  /** That of the connection, whatever the client says: a proxy before us may name the one that it was asked with. */
  #scheme(section: FieldSection): 'http' | 'https' {
    const { allowAbsoluteForm, tls } = this.#options;
    if (allowAbsoluteForm && section.has(FieldKind.pseudoScheme)) return section.scheme === 'https' ? 'https' : 'http';
    return tls ? 'https' : 'http';
  }

  /** What RFC 9113 calls malformed. */
  #judgePseudo(section: FieldSection, isConnect: boolean, isExtended: boolean): string {
    if (isExtended) {
      if (!this.#options.allowExtendedConnect || !isConnect) return 'h2.unexpected-protocol';
      return section.isExactly(extended) && section.path !== '' ? '' : 'h2.missing-pseudo-field';
    }
    if (isConnect) return section.isExactly(connect) ? '' : 'h2.bad-connect';
    if (!section.has(FieldKind.pseudoMethod) || !section.has(FieldKind.pseudoScheme)) return 'h2.missing-pseudo-field';
    return section.has(FieldKind.pseudoPath) && section.path !== '' ? '' : 'h2.missing-pseudo-field';
  }

  /** -1 when there is none, -2 when it is wrong. */
  #contentLength(section: FieldSection, end: boolean): number {
    if (section.contentLength === undefined) return -1;
    const length = parseContentLength(section.contentLength);
    return length === undefined || (end && length > 0) ? -2 : length;
  }

  #judge(section: FieldSection, isConnect: boolean, isExtended: boolean): string {
    const { edge, allowConnect } = this.#options;
    const method = this.#readMethod(section.method, edge, isExtended || allowConnect);
    if (method !== '') return method;
    if (isExtended && section.protocol !== 'websocket') return 'h2.unknown-protocol';
    if (!isConnect || isExtended) {
      const path = this.#readPath(section.path, edge);
      if (path !== '') return path;
      const scheme =
        section.scheme === 'https' || section.scheme === 'http' ? section.scheme : section.scheme.toLowerCase();
      if (scheme !== 'https' && scheme !== 'http') return 'h2.bad-scheme';
      section.scheme = scheme;
    }
    const authority = this.#readAuthority(section);
    if (authority !== '') return authority;
    if (isConnect && !isExtended && !/:\d+$/.test(this.#authority)) return 'h2.bad-target';
    if (section.expect !== undefined && section.expect.toLowerCase() !== '100-continue') return 'h2.bad-expect';
    return '';
  }

  #readMethod(text: string, edge: boolean, allowConnect: boolean): string {
    if (text === this.#lastMethod && text !== '' && text !== 'CONNECT') return '';
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(text)) return 'h2.bad-method';
    const method = readMethod(text, edge, allowConnect);
    if (method.startsWith('h1.')) return ofHttp2(method);
    this.#lastMethod = text;
    this.#method = method;
    return '';
  }

  #readPath(text: string, edge: boolean): string {
    if (text === this.#lastPath) {
      if (text === '*' && this.#method !== 'OPTIONS') return 'h2.bad-target';
      return '';
    }
    if (text.length > this.#options.maxPathBytes) return 'h2.path-too-long';
    if (text === '*') {
      if (this.#method !== 'OPTIONS') return 'h2.bad-target';
      this.#path = text;
    } else {
      for (let i = 0; i < text.length; i++) if (TARGET[text.charCodeAt(i)] !== 1) return 'h2.bad-target-byte';
      if (text.charCodeAt(0) !== 0x2f) return 'h2.bad-target';
      const path = canonicalPath(text, edge);
      if (!path.startsWith('/')) return ofHttp2(path);
      this.#path = path;
    }
    this.#lastPath = text;
    return '';
  }

  #readAuthority(section: FieldSection): string {
    const host = section.host;
    if (!section.has(FieldKind.pseudoAuthority)) {
      if (host === undefined) return 'h2.missing-authority';
      return this.#canonicalise(host) ? '' : 'h2.bad-authority';
    }
    if (!this.#canonicalise(section.authority)) return 'h2.bad-authority';
    if (host === undefined || host === section.authority) return '';
    return canonicalAuthority(host) === this.#authority ? '' : 'h2.host-mismatch';
  }

  #canonicalise(text: string): boolean {
    if (text === this.#lastAuthority && text !== '') return true;
    const authority = canonicalAuthority(text);
    if (authority === undefined) return false;
    this.#lastAuthority = text;
    this.#authority = authority;
    return true;
  }
}

/** The rules are those of HTTP/1; the metric is ours. */
function ofHttp2(reason: string): string {
  return `h2.${reason.slice(3)}`;
}
