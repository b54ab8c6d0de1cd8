import { overrideOf } from '../http-filter-config.ts';
import { grpcCodes } from '../stream/grpc-status.ts';
import { isGrpc, isGrpcType, type RequestHead, type ResponseHead } from '../stream/head.ts';
import { Headers } from '../stream/headers.ts';
import { localReply } from '../stream/local-replies.ts';
import type { Filter, FilterCallbacks, FilterStatus, SharedFilter } from './filter.ts';

/** Bounds single gRPC messages (`heddle.filters.v1.GrpcMessageLimit`, security.md L-82). 0 for no limit. */
export interface GrpcMessageLimitConfig {
  kind: 'grpc-message-limit';
  maxRequestBytes: number;
  maxResponseBytes: number;
}

interface Fault {
  readonly code: number;
  readonly message: string;
}

const prefixBytes = 5;

/** Follows the length prefixes of a gRPC body, in whatever pieces it comes. */
class MessageLengths {
  readonly #limit: number;
  readonly #coded: boolean;
  readonly #prefix = new Uint8Array(prefixBytes);
  #prefixFill = 0;
  /** Of the message's own bytes, still to come. */
  #left = 0;

  constructor(limit: number, coded: boolean) {
    this.#limit = limit;
    this.#coded = coded;
  }

  read(chunk: Buffer): Fault | undefined {
    let at = 0;
    while (at < chunk.length) {
      const skipped = Math.min(this.#left, chunk.length - at);
      at += skipped;
      this.#left -= skipped;
      while (at < chunk.length && this.#left === 0) {
        this.#prefix[this.#prefixFill++] = chunk[at++] as number;
        if (this.#prefixFill < prefixBytes) continue;
        const fault = this.#begin();
        if (fault !== undefined) return fault;
        if (this.#left > 0) break;
      }
    }
    return undefined;
  }

  #begin(): Fault | undefined {
    const [flag = 0, a = 0, b = 0, c = 0, d = 0] = this.#prefix;
    this.#prefixFill = 0;
    this.#left = ((a * 256 + b) * 256 + c) * 256 + d;
    if (flag > 1) return { code: grpcCodes.internal, message: `a gRPC message has the unknown flag ${flag}` };
    if (flag === 1 && !this.#coded) {
      return { code: grpcCodes.internal, message: 'a gRPC message is compressed, and no coding was told' };
    }
    if (this.#limit === 0 || this.#left <= this.#limit) return undefined;
    const message = `a gRPC message of ${this.#left} bytes; at most ${this.#limit} are taken here`;
    return { code: grpcCodes.resourceExhausted, message };
  }
}

class GrpcMessageLimit implements Filter {
  readonly #callbacks: FilterCallbacks;
  readonly #config: GrpcMessageLimitConfig;
  readonly #request: MessageLengths;
  #response: MessageLengths | undefined;

  constructor(callbacks: FilterCallbacks, config: GrpcMessageLimitConfig, head: RequestHead) {
    this.#callbacks = callbacks;
    this.#config = config;
    this.#request = new MessageLengths(config.maxRequestBytes, isCoded(head.headers));
  }

  onRequestData(chunk: Buffer): FilterStatus {
    const fault = this.#request.read(chunk);
    if (fault === undefined) return 'continue';
    const reply = localReply('grpc-message-refused', {}, fault.message);
    this.#callbacks.reply({ ...reply, grpcStatus: fault.code });
    return 'stop';
  }

  onResponseHead(head: ResponseHead, end: boolean): FilterStatus {
    if (end || !isGrpcType(head.headers.get('content-type'))) return 'continue';
    this.#response = new MessageLengths(this.#config.maxResponseBytes, isCoded(head.headers));
    // It may end before its time, and with trailers.
    head.contentLength = undefined;
    return 'continue';
  }

  onResponseData(chunk: Buffer): FilterStatus | Headers {
    const fault = this.#response?.read(chunk);
    if (fault === undefined) return 'continue';
    const { info } = this.#callbacks;
    info.grpcStatus = fault.code;
    info.reason = 'grpc-message-refused';
    return Headers.of({ 'grpc-status': String(fault.code), 'grpc-message': fault.message });
  }
}

function isCoded(headers: Headers): boolean {
  const coding = headers.get('grpc-encoding');
  return coding !== undefined && coding !== 'identity';
}

export function createGrpcMessageLimit(config: GrpcMessageLimitConfig): SharedFilter {
  return (callbacks, overrides) =>
    isGrpc(callbacks.head)
      ? new GrpcMessageLimit(callbacks, overrideOf(overrides, 'grpc-message-limit') ?? config, callbacks.head)
      : undefined;
}
