import { type ClientHello, ClientHelloReader, tlsHandshakeByte } from './client-hello.ts';
import { signatureOf } from './http-signature.ts';

/** What is looked for at the beginning of a connection. */
export interface Inspection {
  readonly tls: boolean;
  readonly http: boolean;
}

/** What a connection turned out to be. `other` is bytes that nobody here knows. */
export type Detected = 'tls' | 'http/1.1' | 'http/1.0' | 'h2c' | 'other';

export type FirstBytesResult =
  | { readonly kind: 'more' }
  | { readonly kind: 'detected'; readonly detected: Detected; readonly hello?: ClientHello }
  | { readonly kind: 'invalid'; readonly reason: string; readonly detail: string; readonly alert: number };

const more: FirstBytesResult = { kind: 'more' };

/** Tells TLS, HTTP/1, HTTP/2 and everything else apart, by as few bytes as it takes. */
export class FirstBytes {
  readonly #inspection: Inspection;
  #hello: ClientHelloReader | undefined;
  #plain: Buffer | undefined;

  constructor(inspection: Inspection) {
    this.#inspection = inspection;
  }

  /** Call until the answer is another than `more`. `chunk` is not empty. */
  push(chunk: Buffer): FirstBytesResult {
    const { tls, http } = this.#inspection;
    if (tls && this.#plain === undefined && (this.#hello !== undefined || chunk[0] === tlsHandshakeByte)) {
      this.#hello ??= new ClientHelloReader();
      const result = this.#hello.push(chunk);
      return result.kind === 'hello' ? { kind: 'detected', detected: 'tls', hello: result.hello } : result;
    }
    if (!http) return { kind: 'detected', detected: 'other' };
    this.#plain = this.#plain === undefined ? chunk : Buffer.concat([this.#plain, chunk]);
    const signature = signatureOf(this.#plain);
    return signature === 'more' ? more : { kind: 'detected', detected: signature };
  }
}
