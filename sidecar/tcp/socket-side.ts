import type { Socket } from 'node:net';
import type { ReadSink } from '../net/read-sink.ts';
import { resetSocket } from '../net/reset-socket.ts';
import { highWatermark } from '../net/transport.ts';
import { writeLent } from '../net/write-lent.ts';
import type { RelayEvents, RelaySide } from './relay.ts';

/** A TCP or TLS socket as one end of a relay; its bytes come from `sink` where it was made with one. */
export class SocketSide implements RelaySide {
  readonly #socket: Socket;
  readonly #sink: ReadSink | undefined;

  constructor(socket: Socket, sink?: ReadSink) {
    this.#socket = socket;
    this.#sink = sink;
  }

  start(events: RelayEvents): void {
    const socket = this.#socket;
    const onData = (chunk: Buffer): void => events.onData(chunk);
    if (this.#sink === undefined) socket.on('data', onData);
    else this.#sink.attach(onData);
    socket.on('end', () => events.onEnd());
    socket.on('drain', () => events.onDrain());
    socket.on('error', () => {});
    socket.on('close', () => events.onClose());
    if (socket.destroyed) events.onClose();
    // It may have ended while the other side was connected to.
    else if (socket.readableEnded) events.onEnd();
    else socket.resume();
  }

  write(chunk: Buffer): boolean {
    // What the kernel took at once is not waiting, whatever the stream's own mark says.
    return writeLent(this.#socket, chunk, undefined) || this.#socket.writableLength <= highWatermark;
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    resetSocket(this.#socket);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }
}
