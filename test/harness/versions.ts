import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import type net from 'node:net';
import { onTestFinished } from 'vitest';

/** The two versions of HTTP, both without TLS: HTTP/2 with prior knowledge. */
export type Version = 'http1' | 'http2';
export const pairings: readonly [Version, Version][] = [
  ['http1', 'http1'],
  ['http1', 'http2'],
  ['http2', 'http1'],
  ['http2', 'http2'],
];

/** Node's two APIs agree in what the tests use of them. */
export type AppRequest = http.IncomingMessage | http2.Http2ServerRequest;
export type AppResponse = http.ServerResponse & http2.Http2ServerResponse;

export type Handler = (request: AppRequest, response: AppResponse) => void | Promise<void>;

export interface App {
  readonly port: number;
  /** Connections that it has accepted so far. */
  readonly connections: () => number;
  /** Sends GOAWAY or closes idle connections, and takes no new one. */
  close(): void;
}

/** An application of the test that speaks one version, by Node's own modules. `onContinue` answers `Expect`. */
export async function startApp(version: Version, handler: Handler, onContinue?: Handler): Promise<App> {
  let connections = 0;
  const sessions = new Set<http2.ServerHttp2Session>();
  const server =
    version === 'http1' ? http.createServer() : http2.createServer({ settings: { enableConnectProtocol: true } });
  server.on('request', (request: AppRequest, response: AppResponse) => void handler(request, response));
  if (onContinue !== undefined) {
    server.on('checkContinue', (request: AppRequest, response: AppResponse) => void onContinue(request, response));
  }
  server.on('connection', () => connections++);
  server.on('session', (session: http2.ServerHttp2Session) => {
    sessions.add(session);
    session.on('error', () => {});
    session.on('close', () => sessions.delete(session));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const session of sessions) session.destroy();
    if (server instanceof http.Server) server.closeAllConnections();
    server.close();
  });
  return {
    port: (server.address() as net.AddressInfo).port,
    connections: () => connections,
    close: () => {
      server.close();
      for (const session of sessions) session.close();
    },
  };
}

export interface Exchange {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly trailers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  /** Statuses of the informational responses. */
  readonly informational: readonly number[];
}

export interface Wanted {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Pieces of the body, each written by itself. */
  readonly body?: readonly (string | Buffer)[];
  readonly trailers?: Readonly<Record<string, string>>;
  /** Holds the body back until the server says 100. */
  readonly waitForContinue?: boolean;
}

/** One exchange with a server that speaks `version`. Rejects when the response breaks off. */
export function send(version: Version, port: number, wanted: Wanted = {}): Promise<Exchange> {
  return version === 'http1' ? sendHttp1(port, wanted) : sendHttp2(port, wanted);
}

function sendHttp1(port: number, wanted: Wanted): Promise<Exchange> {
  const { path = '/', method = 'GET', headers = {}, body = [], trailers, waitForContinue } = wanted;
  return new Promise((resolve, reject) => {
    const informational: number[] = [];
    const request = http.request({
      host: '127.0.0.1',
      port,
      path,
      method,
      agent: false,
      headers: {
        ...headers,
        ...(trailers === undefined ? {} : { trailer: Object.keys(trailers).join(', ') }),
        ...(waitForContinue === true ? { expect: '100-continue' } : {}),
      },
    });
    request.on('information', ({ statusCode }) => informational.push(statusCode));
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          trailers: response.trailers,
          body: Buffer.concat(chunks),
          informational,
        }),
      );
    });
    request.on('error', reject);
    const sendBody = () => {
      for (const piece of body) request.write(piece);
      if (trailers !== undefined) request.addTrailers(trailers);
      request.end();
    };
    if (waitForContinue === true) request.once('continue', sendBody);
    else sendBody();
    if (waitForContinue === true) request.flushHeaders();
  });
}

/** An HTTP/2 connection with prior knowledge, closed with the test. */
export async function connectHttp2(port: number): Promise<http2.ClientHttp2Session> {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  session.on('error', () => {});
  onTestFinished(() => session.destroy());
  await once(session, 'connect');
  return session;
}

async function sendHttp2(port: number, wanted: Wanted): Promise<Exchange> {
  const session = await connectHttp2(port);
  try {
    return await sendOn(session, wanted);
  } finally {
    session.close();
  }
}

/** One exchange on an HTTP/2 connection. */
export function sendOn(session: http2.ClientHttp2Session, wanted: Wanted = {}): Promise<Exchange> {
  const { path = '/', method = 'GET', headers = {}, body = [], trailers, waitForContinue } = wanted;
  return new Promise((resolve, reject) => {
    const informational: number[] = [];
    const fields = {
      ...headers,
      ...(waitForContinue === true ? { expect: '100-continue' } : {}),
      ':method': method,
      ':path': path,
    };
    const noBody = body.length === 0 && trailers === undefined;
    const stream = session.request(fields, { endStream: noBody, waitForTrailers: trailers !== undefined });
    const chunks: Buffer[] = [];
    let head: http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader = {};
    let received: http.IncomingHttpHeaders = {};
    stream.on('headers', (more) => informational.push(Number(more[':status'])));
    stream.on('response', (response) => {
      head = response;
    });
    stream.on('trailers', (more) => {
      received = more;
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', reject);
    stream.on('close', () => {
      const status = Number(head[':status'] ?? 0);
      if (stream.rstCode !== 0) reject(new Error(`RST_STREAM ${stream.rstCode} after status ${status}`));
      else resolve({ status, headers: head, trailers: received, body: Buffer.concat(chunks), informational });
    });
    if (trailers !== undefined) stream.on('wantTrailers', () => stream.sendTrailers(trailers));
    const sendBody = () => {
      for (const piece of body) stream.write(piece);
      stream.end();
    };
    if (waitForContinue === true) {
      stream.once('continue', sendBody);
    } else if (!noBody) sendBody();
  });
}
