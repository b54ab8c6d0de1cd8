import net, { type Socket, type SocketConstructorOpts } from 'node:net';
import type { ReadSink } from './read-sink.ts';

/**
 * Gives an accepted socket a new one in its place that reads through `sink`. A server makes its sockets itself and has
 * no option for it, so the handle is moved over; Node documents the option but not the property. Must be called in the
 * very callback that brought the socket, before anything can have been read. The accepted socket stays behind as the
 * server's count of the connection, and ends with the new one.
 */
export function adoptSocket(accepted: Socket, sink: ReadSink, highWaterMark: number): Socket {
  const holder = accepted as unknown as { _handle: unknown };
  const handle = holder._handle;
  // Closed already.
  if (handle === null || handle === undefined) return accepted;
  holder._handle = null;
  const options = { handle, allowHalfOpen: true, highWaterMark, onread: sink.options };
  const socket = new net.Socket(options as unknown as SocketConstructorOpts);
  socket.once('close', () => accepted.destroy());
  return socket;
}
