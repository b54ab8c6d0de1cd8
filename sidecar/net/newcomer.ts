import type { Socket } from 'node:net';
import type { Timer, TimerWheel } from '../../lib/timer-wheel.ts';
import type { ConnectionEnd } from './chain-match.ts';
import type { ClientHello } from './client-hello.ts';
import { type Detected, FirstBytes, type Inspection } from './first-bytes.ts';
import { type ProxyHeaderConfig, readProxyHeader } from './proxy-header.ts';
import type { ReadSink } from './read-sink.ts';

/** Time for the bytes by which a connection is told what it is (security.md L-16). Milliseconds. */
export const inspectionTimeoutMs = 5_000;

/** What becomes of a newcomer; `onAddressed` at most once and first, then one of the others, or none when it goes away. */
export interface NewcomerEvents {
  /** Its ends are known: what a PROXY header said, if one was to be read. Returns false to have nothing more read. */
  onAddressed(newcomer: Newcomer): boolean;
  /** What it has sent is in `newcomer.chunks`. `detected` is `undefined` when it was silent to its end, or to the upstream's first byte. */
  onDetected(newcomer: Newcomer, detected: Detected | undefined, hello: ClientHello | undefined): void;
  /** Time is up. `received` says whether anything has come. */
  onTimeout(newcomer: Newcomer, received: boolean): void;
  onInvalid(newcomer: Newcomer, reason: string, detail: string, alert: number | undefined): void;
}

/** A connection between being accepted and being given to a filter chain, while its first bytes are read. */
export class Newcomer {
  readonly socket: Socket;
  readonly sink: ReadSink;
  source: ConnectionEnd;
  destination: ConnectionEnd;
  /** What was read and belongs to whoever serves it. */
  chunks: Buffer[] = [];
  readonly #events: NewcomerEvents;
  readonly #timer: Timer;
  readonly #firstBytes: FirstBytes;
  #proxyHeader: ProxyHeaderConfig | undefined;
  #done = false;

  constructor(
    socket: Socket,
    sink: ReadSink,
    ends: { source: ConnectionEnd; destination: ConnectionEnd },
    plan: { inspection: Inspection; proxyHeader: ProxyHeaderConfig | undefined },
    events: NewcomerEvents,
    wheel: TimerWheel,
  ) {
    this.socket = socket;
    this.sink = sink;
    this.source = ends.source;
    this.destination = ends.destination;
    this.#events = events;
    this.#firstBytes = new FirstBytes(plan.inspection);
    this.#proxyHeader = plan.proxyHeader;
    this.#timer = wheel.timer(() => this.#events.onTimeout(this, this.chunks.length > 0));
  }

  start(): void {
    this.#timer.start(inspectionTimeoutMs);
    this.socket.once('close', () => this.#finish());
    this.socket.once('end', () => this.settle());
    if (this.#proxyHeader === undefined) this.#addressed();
    if (!this.#done) this.sink.attach((chunk) => this.#onBytes(chunk));
  }

  /** Whether it is still told what it is. */
  get undecided(): boolean {
    return !this.#done;
  }

  /** It stays undecided for as long as it sends nothing. */
  waitPatiently(): void {
    if (this.chunks.length === 0) this.#timer.stop();
  }

  /** Nothing more is to be learned: what has come so far decides. */
  settle(): void {
    if (this.#done) return;
    this.#detected(this.chunks.length === 0 ? undefined : 'other', undefined);
  }

  /** Reads nothing more; what has come stays with the socket's sink. */
  stop(): void {
    this.#finish();
  }

  #onBytes(chunk: Buffer): void {
    if (chunk.length === 0) return;
    if (!this.#timer.running) this.#timer.start(inspectionTimeoutMs);
    this.chunks.push(chunk);
    if (this.#proxyHeader !== undefined) {
      this.#readProxyHeader(this.#proxyHeader);
      return;
    }
    this.#inspect(chunk);
  }

  #readProxyHeader(config: ProxyHeaderConfig): void {
    const bytes = Buffer.concat(this.chunks);
    const result = readProxyHeader(bytes, config.versions);
    if (result.kind === 'more') return;
    if (result.kind === 'invalid' || (result.kind === 'none' && !config.allowWithout)) {
      const detail = result.kind === 'invalid' ? result.detail : 'the connection begins without a PROXY header';
      this.#finish();
      this.#events.onInvalid(this, 'proxy-protocol.invalid', detail, undefined);
      return;
    }
    this.#proxyHeader = undefined;
    let rest = bytes;
    if (result.kind === 'header') {
      rest = bytes.subarray(result.bytes);
      if (result.ends !== undefined) Object.assign(this, result.ends);
    }
    this.chunks = rest.length === 0 ? [] : [rest];
    this.#addressed();
    if (!this.#done && rest.length > 0) this.#inspect(rest);
  }

  #addressed(): void {
    if (!this.#events.onAddressed(this)) this.#finish();
  }

  #inspect(chunk: Buffer): void {
    const result = this.#firstBytes.push(chunk);
    switch (result.kind) {
      case 'more':
        return;
      case 'detected':
        this.#detected(result.detected, result.hello);
        return;
      case 'invalid':
        this.#finish();
        this.#events.onInvalid(this, result.reason, result.detail, result.alert);
    }
  }

  #detected(detected: Detected | undefined, hello: ClientHello | undefined): void {
    this.#finish();
    this.#events.onDetected(this, detected, hello);
  }

  #finish(): void {
    if (this.#done) return;
    this.#done = true;
    this.#timer.stop();
    this.sink.detach(this.chunks);
  }
}
