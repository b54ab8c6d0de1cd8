import { createHttp1ClientCodec, type Http1ClientCodec } from '../../../sidecar/http1/client-codec.ts';
import type { BodyWriter } from '../../../sidecar/stream/codec.ts';
import type { RequestHead, ResponseHead } from '../../../sidecar/stream/head.ts';
import { Headers } from '../../../sidecar/stream/headers.ts';
import { MemoryTransport } from './memory-transport.ts';

/** One response as the owner of a client codec saw it. */
export interface SeenResponse {
  informational: number[];
  head: ResponseHead | undefined;
  body: string;
  ended: boolean;
  trailers: Headers | undefined;
  reset: string | undefined;
}

/** A request head with what a test does not care about filled in. */
export function requestHead(head: Partial<RequestHead> = {}): RequestHead {
  return {
    method: 'GET',
    scheme: 'http',
    authority: 'app.test',
    path: '/',
    headers: new Headers(),
    version: '1.1',
    absoluteForm: false,
    upgrade: undefined,
    expectContinue: false,
    contentLength: undefined,
    ...head,
  };
}

/** A client codec on a transport in memory, with everything it says written down. */
export class ClientDriver {
  readonly transport = new MemoryTransport();
  readonly responses: SeenResponse[] = [];
  readonly closed: string[] = [];
  readonly dropped: string[] = [];
  /** Calls that the contract forbids. */
  readonly violations: string[] = [];
  streamEnds = 0;
  readonly codec: Http1ClientCodec = createHttp1ClientCodec(
    this.transport,
    {
      onStreamEnd: () => {
        this.streamEnds++;
        if (this.streamEnds > this.responses.length) this.violations.push('too many onStreamEnd');
      },
      onGoAway: () => {},
      onClosed: (reason) => {
        this.closed.push(reason);
        if (this.closed.length > 1) this.violations.push('onClosed twice');
      },
    },
    { onDropped: (reason, name) => this.dropped.push(`${reason} ${name}`) },
  );

  open(head: Partial<RequestHead> = {}, end = true): BodyWriter {
    const seen: SeenResponse = {
      informational: [],
      head: undefined,
      body: '',
      ended: false,
      trailers: undefined,
      reset: undefined,
    };
    this.responses.push(seen);
    const live = (call: string) => {
      if (seen.ended || seen.reset !== undefined) this.violations.push(`${call} after the end`);
    };
    return this.codec.open(requestHead(head), end, {
      onInformational: (informational) => {
        live('onInformational');
        seen.informational.push(informational.status);
      },
      onHead: (response, last) => {
        live('onHead');
        if (seen.head !== undefined) this.violations.push('two heads');
        seen.head = response;
        seen.ended = last;
      },
      onData: (chunk, last) => {
        live('onData');
        if (seen.head === undefined) this.violations.push('data before the head');
        seen.body += chunk.toString('latin1');
        seen.ended = last;
      },
      onTrailers: (trailers) => {
        live('onTrailers');
        seen.trailers = trailers;
        seen.ended = true;
      },
      onReset: (why, detail) => {
        live('onReset');
        seen.reset = `${why} ${detail}`;
      },
      onWritable: () => {},
    });
  }

  send(chunks: Iterable<Buffer> | string): this {
    for (const chunk of typeof chunks === 'string' ? [Buffer.from(chunks, 'latin1')] : chunks)
      this.codec.onBytes(chunk);
    return this;
  }

  get last(): SeenResponse {
    return this.responses.at(-1) as SeenResponse;
  }

  /** What there is to compare. */
  finish(): object {
    const { responses, closed, streamEnds, violations } = this;
    return { responses, closed, streamEnds, violations, destroyed: this.transport.destroyed };
  }
}
