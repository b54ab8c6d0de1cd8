import net, { type Server, type Socket, type SocketConstructorOpts } from 'node:net';
import { ReadSink } from './read-sink.ts';

/** A handle of Node's own: of a listening or a connected TCP socket. */
interface Handle {
  onconnection?: (this: Handle, status: number, client: Handle | undefined) => void;
  setNoDelay(on: boolean): void;
}

/**
 * Has a listening server give its connections to `onSocket` as sockets that read through a sink. A server makes sockets
 * itself and has no option for that; Node documents the option (`onread`) and not the handles. Where a server has no
 * handle of the known form, its sockets give up theirs.
 */
export function acceptSockets(
  server: Server,
  highWaterMark: number,
  onSocket: (socket: Socket, sink: ReadSink) => void,
): void {
  const accept = (handle: Handle): Socket => {
    const sink = new ReadSink();
    const options = { handle, allowHalfOpen: true, highWaterMark, onread: sink.options };
    const socket = new net.Socket(options as unknown as SocketConstructorOpts);
    onSocket(socket, sink);
    return socket;
  };
  const listening = (server as unknown as { _handle: Handle | null })._handle;
  const original = listening?.onconnection;
  if (!listening || typeof original !== 'function') {
    server.on('connection', (accepted) => {
      const holder = accepted as unknown as { _handle: Handle | null };
      const handle = holder._handle;
      // Closed already.
      if (handle === null || handle === undefined) return;
      holder._handle = null;
      // The accepted socket stays behind as the server's count of the connection, and ends with the new one.
      accept(handle).once('close', () => accepted.destroy());
    });
    return;
  }
  listening.onconnection = (status, client) => {
    if (status !== 0 || client === undefined) original.call(listening, status, client);
    else {
      client.setNoDelay(true);
      accept(client);
    }
  };
}
