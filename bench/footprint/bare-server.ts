import net from 'node:net';

// What a Node process that only holds sockets needs: port.
const answer = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const server = net.createServer({ noDelay: true }, (socket) => {
  socket.on('data', () => socket.write(answer));
  socket.on('error', () => {});
});
server.listen(Number(process.argv[2]), '127.0.0.1', 4_096);
