import type { Buffer } from 'node:buffer';
import net from 'node:net';

// An HTTP/1 server that answers each request with the request's own path, and now and then breaks the protocol in one
// of the ways by which one client's bytes could reach another. It prints {"port": …} when it listens.

/** A share of this many answers is broken. */
const brokenOneIn = 50;

const reply = (token: string): string => `HTTP/1.1 200 OK\r\nContent-Length: ${token.length}\r\n\r\n${token}`;

/** Ways to break it; each gets the good answer and the socket. */
const faults: readonly ((socket: net.Socket, token: string) => void)[] = [
  // A second answer that nobody asked for. (One that comes whole when the next request is already on its way cannot be
  // told from that one's answer in HTTP/1.)
  (socket, token) => socket.write(reply(token) + reply('stray')),
  (socket, token) => {
    socket.write(reply(token));
    setTimeout(() => socket.destroyed || socket.write('\r\nstray'), 5);
  },
  // More and less than was announced.
  (socket, token) => socket.write(`${reply(token)}stray`),
  (socket, token) => socket.end(reply(token).slice(0, -2)),
  // An end instead of an answer, and a reset.
  (socket) => socket.end(),
  (socket) => socket.resetAndDestroy(),
  // What no parser may take for an answer.
  (socket) => socket.write('HTTP/1.1 200 OK\nContent-Length: 5\n\nstray'),
  (socket, token) => socket.write('HTTP/1.1 100 Continue\r\n\r\n'.repeat(20) + reply(token)),
  (socket, token) => socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n${token}`),
];

let served = 0;
const server = net.createServer((socket) => {
  let head = '';
  socket.setNoDelay(true);
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => {
    head += chunk.toString('latin1');
    for (let end = head.indexOf('\r\n\r\n'); end >= 0; end = head.indexOf('\r\n\r\n')) {
      const token = head.slice(head.indexOf(' ') + 1, head.indexOf(' HTTP/1.1'));
      head = head.slice(end + 4);
      const fault = ++served % brokenOneIn === 0 ? faults[(served / brokenOneIn) % faults.length] : undefined;
      if (fault === undefined) socket.write(reply(token));
      else fault(socket, token);
    }
  });
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ port: (server.address() as net.AddressInfo).port })}\n`);
});
process.stdin.on('end', () => process.exit(0)).resume();
