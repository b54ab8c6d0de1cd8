import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/**
 * Breaks a connection off with RST, so that the peer cannot take it for an end in order: a body that ends with the
 * connection, or a tunnel, would pass for complete after a FIN (security.md UP-05). Below TLS too, since Node does
 * not tell a connection that ended without `close_notify` from one that ended with it.
 */
export function resetSocket(socket: Socket): void {
  const tcp = socket instanceof TLSSocket ? socketBelow(socket) : socket;
  // After our own FIN there is nothing left to break off, and libuv refuses to reset while one is on its way.
  if (tcp !== undefined && !tcp.destroyed && !tcp.connecting && !socket.writableEnded && !tcp.writableEnded) {
    tcp.resetAndDestroy();
  }
  socket.destroy();
}

/** The TCP socket that a TLS socket stands on. Node has no documented way to it; without it there is a FIN. */
export function socketBelow(socket: TLSSocket): Socket | undefined {
  return (socket as { _parent?: Socket })._parent;
}
