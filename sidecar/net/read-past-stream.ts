import type { Socket } from 'node:net';

/**
 * Delivers what `socket` reads to `receiver`: at once while it flows, past the buffer of its stream and the tick that
 * this has for each read. For sockets of TLS, which take no sink. Node's sockets give what they read to their own
 * `push`, a public method of streams; one that did not would still be heard by its `data` events.
 */
export function readPastStream(socket: Socket, receiver: (chunk: Buffer) => void): void {
  socket.on('data', receiver);
  const { push } = socket;
  socket.push = (chunk: unknown, encoding?: BufferEncoding): boolean => {
    // What waits already goes first.
    if (!Buffer.isBuffer(chunk) || socket.readableFlowing !== true || socket.readableLength > 0) {
      return push.call(socket, chunk, encoding);
    }
    receiver(chunk);
    return true;
  };
}
