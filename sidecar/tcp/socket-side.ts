import type { Socket } from 'node:net';
import { resetSocket } from '../net/reset-socket.ts';
import type { RelayEvents, RelaySide } from './relay.ts';

/** A TCP or TLS socket as one end of a relay. */
export class SocketSide implements RelaySide {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  start(events: RelayEvents): void {
    const socket = this.#socket;
    socket.on('data', (chunk: Buffer) => events.onData(chunk));
    socket.on('end', () => events.onEnd());
    socket.on('drain', () => events.onDrain());
    socket.on('error', () => {});
    socket.on('close', () => events.onClose());
    if (socket.destroyed) events.onClose();
    else socket.resume();
  }

  write(chunk: Buffer): boolean {
    return this.#socket.write(chunk);
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
