import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import http2, { type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { readSlowly, sendBytes } from './paced-stream.ts';

// An application of long streams in a process of its own: `http1` or `http2` (prior knowledge) as its argument.
//   GET  /send/<bytes>/<seed>   sends so many bytes as fast as they are taken; their SHA-256 comes in a trailer
//   POST /take/<bytes per s>    reads no faster than that and answers with the SHA-256

type Request = IncomingMessage | Http2ServerRequest;
type Response = ServerResponse | Http2ServerResponse;

async function serve(request: Request, response: Response): Promise<void> {
  const [, verb, first, second] = (request.url ?? '').split('/');
  if (verb === 'send') {
    response.writeHead(200, { trailer: 'x-sha256' });
    const target = response as ServerResponse;
    const end = target.end.bind(target);
    // The digest is known only when all is written, so the end waits for it.
    target.end = (() => target) as typeof target.end;
    const sha256 = await sendBytes(target, Number(first), Number(second));
    target.addTrailers({ 'x-sha256': sha256 });
    end();
  } else if (verb === 'take') {
    const { sha256 } = await readSlowly(request, Number(first));
    response.end(sha256);
  } else response.end('ok');
}

const onRequest = (request: Request, response: Response): void => {
  serve(request, response).catch(() => response.destroy());
};
const server = process.argv[2] === 'http2' ? http2.createServer(onRequest) : http.createServer(onRequest);
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ port: (server.address() as AddressInfo).port })}\n`);
});
process.stdin.on('end', () => process.exit(0)).resume();
