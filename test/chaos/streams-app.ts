import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import http2, { type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { readSlowly, sendBytes } from './paced-stream.ts';

// An application of long streams in a process of its own: `http1` or `http2` (prior knowledge) as its argument.
//   GET  /send/<bytes>/<seed>   sends so many bytes as fast as they are taken; their SHA-256 comes in a trailer
//   POST /take/<bytes per s>    reads no faster than that and answers with the SHA-256

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [, verb, first, second] = (request.url ?? '').split('/');
  if (verb === 'send') {
    response.writeHead(200, { trailer: 'x-sha256' });
    response.addTrailers({ 'x-sha256': await sendBytes(response, Number(first), Number(second)) });
    response.end();
  } else if (verb === 'take') {
    response.end((await readSlowly(request, Number(first))).sha256);
  } else response.end('ok');
}

const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
  serve(request, response).catch(() => response.destroy());
};
// Node's two servers agree in all that is used here, though not in their types.
const onHttp2Request = onRequest as unknown as (request: Http2ServerRequest, response: Http2ServerResponse) => void;
const server = process.argv[2] === 'http2' ? http2.createServer(onHttp2Request) : http.createServer(onRequest);
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ port: (server.address() as AddressInfo).port })}\n`);
});
process.stdin.on('end', () => process.exit(0)).resume();
