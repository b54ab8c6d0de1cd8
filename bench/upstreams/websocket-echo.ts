import { createHash } from 'node:crypto';
import net from 'node:net';

// A WebSocket server that sends back each message of at most 125 bytes; its port is the first line of its output.
const magic = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

const server = net.createServer({ noDelay: true }, (socket) => {
  let head = '';
  let rest: Buffer = Buffer.alloc(0);
  const frames = (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= 6) {
      const length = (rest[1] as number) & 0x7f;
      if (rest.length < 6 + length) return;
      const answer = Buffer.allocUnsafe(2 + length);
      answer[0] = rest[0] as number;
      answer[1] = length;
      for (let i = 0; i < length; i++) answer[2 + i] = (rest[6 + i] as number) ^ (rest[2 + (i & 3)] as number);
      rest = rest.subarray(6 + length);
      socket.write(answer);
    }
  };
  const handshake = (chunk: Buffer) => {
    head += chunk.toString('latin1');
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    const key = /sec-websocket-key: *(\S+)/i.exec(head)?.[1] ?? '';
    const accept = createHash('sha1').update(`${key}${magic}`).digest('base64');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: ${accept}\r\n\r\n`,
    );
    socket.off('data', handshake);
    socket.on('data', frames);
    const more = head.slice(end + 4);
    if (more !== '') frames(Buffer.from(more, 'latin1'));
  };
  socket.on('data', handshake);
  socket.on('error', () => {});
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as net.AddressInfo).port}\n`));
