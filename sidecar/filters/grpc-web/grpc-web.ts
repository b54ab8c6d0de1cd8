import { grpcCodes } from '../../stream/grpc-status.ts';
import { isGrpcType, type RequestHead, type ResponseHead } from '../../stream/head.ts';
import type { Headers } from '../../stream/headers.ts';
import { localReply } from '../../stream/local-replies.ts';
import type { Filter, FilterCallbacks, FilterStatus, SharedFilter } from '../filter.ts';
import { Base64Decoder, Base64Encoder } from './base64-pieces.ts';

/** Lets browsers speak to gRPC services (`envoy.filters.http.grpc_web`, grpc/grpc doc/PROTOCOL-WEB.md). */
export interface GrpcWebConfig {
  kind: 'grpc-web';
}

const binaryType = 'application/grpc-web';
const textType = 'application/grpc-web-text';
/** Flag of the frame that holds trailers. */
const trailersFlag = 0x80;

class GrpcWeb implements Filter {
  readonly #callbacks: FilterCallbacks;
  readonly #decoder: Base64Decoder | undefined;
  readonly #textWanted: boolean;
  /** `+proto` and the like. */
  readonly #subtype: string;
  #encoder: Base64Encoder | undefined;
  #translating = false;

  constructor(callbacks: FilterCallbacks, contentType: string) {
    this.#callbacks = callbacks;
    const text = contentType.startsWith(textType);
    this.#decoder = text ? new Base64Decoder() : undefined;
    const accept = callbacks.head.headers.get('accept');
    this.#textWanted = accept === undefined || accept === '*/*' ? text : accept.includes(textType);
    this.#subtype = contentType.slice((text ? textType : binaryType).length);
  }

  onRequestHead(head: RequestHead): FilterStatus {
    const { headers } = head;
    headers.set('content-type', `application/grpc${this.#subtype}`);
    headers.set('te', 'trailers');
    headers.set('grpc-accept-encoding', 'identity,deflate,gzip');
    if (this.#decoder !== undefined) head.contentLength = undefined;
    return 'continue';
  }

  onRequestData(chunk: Buffer, end: boolean): FilterStatus | Buffer {
    if (this.#decoder === undefined) return 'continue';
    const bytes = this.#decoder.push(chunk, end);
    if (bytes !== undefined) return bytes;
    const reply = localReply('grpc-message-refused', {}, 'the body of a grpc-web-text request is not base64');
    this.#callbacks.reply({ ...reply, grpcStatus: grpcCodes.internal });
    return 'stop';
  }

  onResponseHead(head: ResponseHead, end: boolean): FilterStatus {
    const { headers } = head;
    const contentType = headers.get('content-type');
    // What is no gRPC answer, of a gateway for example, a client reads by its status.
    if (!isGrpcType(contentType)) return 'continue';
    const subtype = contentType?.slice('application/grpc'.length) ?? '';
    headers.set('content-type', `${this.#textWanted ? textType : binaryType}${subtype === '' ? '+proto' : subtype}`);
    // Without a body the status is in the head, where browsers can read it.
    if (end) return 'continue';
    head.contentLength = undefined;
    this.#translating = true;
    if (this.#textWanted) this.#encoder = new Base64Encoder();
    return 'continue';
  }

  onResponseData(chunk: Buffer, end: boolean): FilterStatus | Buffer {
    return this.#encoder === undefined ? 'continue' : this.#encoder.push(chunk, end);
  }

  onResponseTrailers(trailers: Headers): FilterStatus | Buffer {
    if (!this.#translating) return 'continue';
    const frame = trailersFrame(trailers);
    return this.#encoder === undefined ? frame : this.#encoder.push(frame, true);
  }
}

function trailersFrame({ names, values }: Headers): Buffer {
  let text = '';
  for (let i = 0; i < names.length; i++) text += `${names[i]}:${values[i]}\r\n`;
  const body = Buffer.from(text, 'latin1');
  const frame = Buffer.alloc(5 + body.length);
  frame[0] = trailersFlag;
  frame.writeUInt32BE(body.length, 1);
  body.copy(frame, 5);
  return frame;
}

export function createGrpcWeb(): SharedFilter {
  return (callbacks) => {
    const contentType = callbacks.head.headers.get('content-type');
    return contentType?.startsWith(binaryType) === true ? new GrpcWeb(callbacks, contentType) : undefined;
  };
}
