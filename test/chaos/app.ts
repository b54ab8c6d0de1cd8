import http from 'node:http';
import type { AddressInfo } from 'node:net';

// An application for the proxy to stand before, in a process of its own. It prints {"port": …} when it listens.
//   /anything            200, "ok"
//   /status/503          that status
//   /wait/250            200 after so many milliseconds
//   /bytes/1048576       200 with so many bytes
//   /hang                never answers
//   /count               how many requests came so far

const delayMs = Number(process.argv[2] ?? 0);
let count = 0;

const server = http.createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  count++;
  request.resume();
  const [, verb, argument] = (request.url ?? '/').split('/');
  const answer = (): void => {
    if (verb === 'status') response.writeHead(Number(argument)).end('status');
    else if (verb === 'bytes') writeBytes(response, Number(argument));
    else if (verb === 'count') response.end(String(count));
    else response.end('ok');
  };
  if (verb === 'hang') return;
  const wait = verb === 'wait' ? Number(argument) : delayMs;
  if (wait > 0) setTimeout(answer, wait);
  else answer();
});

function writeBytes(response: http.ServerResponse, bytes: number): void {
  const chunk = Buffer.alloc(65_536, 'x');
  let left = bytes;
  const more = (): void => {
    while (left > 0) {
      const size = Math.min(left, chunk.length);
      left -= size;
      if (!response.write(chunk.subarray(0, size))) {
        response.once('drain', more);
        return;
      }
    }
    response.end();
  };
  more();
}

server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ port: (server.address() as AddressInfo).port })}\n`);
});
process.stdin.on('end', () => process.exit(0)).resume();
