import fs from 'node:fs';
import tls from 'node:tls';

// New mutual TLS connections, one request on each, no resumption: port, seconds, folder with ca, certificate and key.
const [port, seconds, folder] = process.argv.slice(2) as [string, string, string];
const read = (name: string) => fs.readFileSync(`${folder}/${name}.pem`);
const context = tls.createSecureContext({ ca: read('ca'), cert: read('certificate'), key: read('key') });
const concurrent = 8;
const times: number[] = [];
let errors = 0;
const began = performance.now();
const deadline = began + Number(seconds) * 1_000;

const once = (): Promise<void> =>
  new Promise((resolve) => {
    const start = performance.now();
    const socket = tls.connect(
      {
        host: '127.0.0.1',
        port: Number(port),
        secureContext: context,
        servername: 'app.bench',
        // The chain counts; names in it are of DNS with some peers and SPIFFE ids with others.
        checkServerIdentity: () => undefined,
      },
      () => socket.write('GET / HTTP/1.1\r\nhost: app.bench\r\nconnection: close\r\n\r\n'),
    );
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      if (text.startsWith('HTTP/1.1 200')) times.push(performance.now() - start);
      else errors++;
      resolve();
    });
  });

await Promise.all(
  Array.from({ length: concurrent }, async () => {
    while (performance.now() < deadline && errors < 1_000) await once();
  }),
);
times.sort((a, b) => a - b);
const result = {
  done: times.length,
  errors,
  seconds: (performance.now() - began) / 1_000,
  p50Ms: times[Math.floor(times.length * 0.5)] ?? 0,
  p99Ms: times[Math.floor(times.length * 0.99)] ?? 0,
};
process.stdout.write(`${JSON.stringify(result)}\n`);
