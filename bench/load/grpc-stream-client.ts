import grpc from '@grpc/grpc-js';

// Bidirectional gRPC streams that keep some messages of 128 bytes under way: port, seconds, streams.
const [port, seconds, streams] = process.argv.slice(2).map(Number) as [number, number, number];
const underWay = 8;
const message = Buffer.alloc(128, 'x');
const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
let done = 0;
let errors = 0;
const began = performance.now();
const deadline = began + seconds * 1_000;
const same = (bytes: Buffer) => bytes;

const stream = (): Promise<void> =>
  new Promise((resolve) => {
    const call = client.makeBidiStreamRequest('/bench.Echo/Stream', same, same);
    let sent = underWay;
    let received = 0;
    call.on('data', () => {
      done++;
      received++;
      if (performance.now() < deadline) {
        sent++;
        call.write(message);
      } else if (received === sent) call.end();
    });
    call.on('error', () => {
      errors++;
      resolve();
    });
    call.on('end', () => resolve());
    for (let i = 0; i < underWay; i++) call.write(message);
  });

await Promise.all(Array.from({ length: streams }, stream));
client.close();
process.stdout.write(`${JSON.stringify({ done, errors, seconds: (performance.now() - began) / 1_000 })}\n`);
