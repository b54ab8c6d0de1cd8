import http from 'node:http';
import type { AddressInfo } from 'node:net';

// An application for the proxy to stand before, in a process of its own. It prints {"port": …} when it listens.
//   /anything            200, "ok"
//   /status/503          that status
//   /wait/250            200 after so many milliseconds
//   /bytes/1048576       200 with so many bytes
//   /hang                never answers
//   /count               how many requests came so far
// Arguments: milliseconds that each answer takes, and how many it works on at one time (default: all). What is more
// waits in line, and is worked on even when the client has gone: that is what makes an overload last.

const serviceMs = Number(process.argv[2] ?? 0);
const workers = Number(process.argv[3] ?? Number.POSITIVE_INFINITY);
let count = 0;
let busy = 0;
const line: (() => void)[] = [];

const server = http.createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  request.resume();
  const [, verb, argument] = (request.url ?? '/').split('/');
  if (verb === 'count') {
    response.end(String(count));
    return;
  }
  count++;
  if (verb === 'hang') return;
  const answer = (): void => {
    if (verb === 'status') response.writeHead(Number(argument)).end('status');
    else if (verb === 'bytes') writeBytes(response, Number(argument));
    else response.end('ok');
  };
  const ms = verb === 'wait' ? Number(argument) : serviceMs;
  if (ms === 0) answer();
  else enter(() => setTimeout(() => leave(answer), ms));
});

function enter(work: () => void): void {
  if (busy < workers) {
    busy++;
    work();
  } else line.push(work);
}

function leave(answer: () => void): void {
  answer();
  const next = line.shift();
  if (next === undefined) busy--;
  else next();
}

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
