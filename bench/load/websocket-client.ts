import net from 'node:net';

// WebSocket clients that send a text message of 125 bytes and wait for its echo: port, seconds, connections.
const [port, seconds, connections] = process.argv.slice(2).map(Number) as [number, number, number];
const payload = Buffer.alloc(125, 'x');
// Masked, as RFC 6455 asks of a client; with a key of zeros the payload stays as it is.
const message = Buffer.concat([Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
const echoBytes = 2 + payload.length;
const times: number[] = [];
let errors = 0;
const began = performance.now();
const deadline = began + seconds * 1_000;

const client = (): Promise<void> =>
  new Promise((resolve) => {
    const socket = net.connect({ host: '127.0.0.1', port, noDelay: true }, () =>
      socket.write(
        'GET /echo HTTP/1.1\r\nhost: app.bench\r\nconnection: Upgrade\r\nupgrade: websocket\r\n' +
          'sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
      ),
    );
    let upgraded = false;
    let head = '';
    let received = 0;
    let start = 0;
    const send = () => {
      start = performance.now();
      socket.write(message);
    };
    socket.on('data', (chunk) => {
      if (!upgraded) {
        head += chunk.toString('latin1');
        if (!head.includes('\r\n\r\n')) return;
        if (!head.startsWith('HTTP/1.1 101')) {
          errors++;
          socket.destroy();
          return;
        }
        upgraded = true;
        send();
        return;
      }
      received += chunk.length;
      if (received < echoBytes) return;
      received -= echoBytes;
      const now = performance.now();
      times.push(now - start);
      if (now < deadline) send();
      else socket.destroy();
    });
    socket.on('error', () => {
      errors++;
    });
    socket.on('close', () => resolve());
  });

await Promise.all(Array.from({ length: connections }, client));
times.sort((a, b) => a - b);
const result = {
  done: times.length,
  errors,
  seconds: (performance.now() - began) / 1_000,
  p50Ms: times[Math.floor(times.length * 0.5)] ?? 0,
  p99Ms: times[Math.floor(times.length * 0.99)] ?? 0,
};
process.stdout.write(`${JSON.stringify(result)}\n`);
