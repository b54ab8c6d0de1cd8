import type http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Log } from '../../lib/log.ts';
import type { InjectOptions } from './options.ts';
import { answerReview } from './review.ts';

/** security.md L-97. */
const maxBodyBytes = 3 * 1024 * 1024;
const timeoutMs = 3000;

export interface WebhookOptions {
  address: string;
  /** 0 picks a free one. */
  port: number;
  /** PEM; asked for at start and again by {@link Webhook.reloadCertificate}. */
  certificate(): { chainPem: string; privateKeyPem: string };
  inject: InjectOptions;
  log: Log;
}

export interface Webhook {
  readonly port: number;
  /** New connections get the certificate of today; running ones go on. */
  reloadCertificate(): void;
  close(): Promise<void>;
}

/** Serves `POST /inject` (AdmissionReview v1) over TLS. Needs nothing else of the control plane, so it works when that does not. */
export async function startWebhook(options: WebhookOptions): Promise<Webhook> {
  const context = () => {
    const { chainPem, privateKeyPem } = options.certificate();
    return { cert: chainPem, key: privateKeyPem, minVersion: 'TLSv1.2' as const };
  };
  const server = https.createServer(
    { ...context(), requestTimeout: timeoutMs, headersTimeout: timeoutMs },
    (request, response) => {
      handle(request, response, options);
    },
  );
  server.on('tlsClientError', (error) => options.log.debug('webhook handshake failed', { error: error.message }));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.address, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    reloadCertificate: () => server.setSecureContext(context()),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** What is wrong with a request before its body is read. */
function refusalOf(request: http.IncomingMessage, pathname: string): { status: number; message: string } | undefined {
  if (pathname !== '/inject') return { status: 404, message: 'the webhook serves POST /inject only' };
  if (request.method !== 'POST') return { status: 405, message: 'use POST' };
  if (!/^application\/json\b/.test(request.headers['content-type'] ?? '')) {
    return { status: 415, message: 'content-type must be application/json' };
  }
  if (request.headers['content-encoding'] !== undefined) {
    return { status: 415, message: 'the body must not be compressed' };
  }
  return Number(request.headers['content-length'] ?? 0) > maxBodyBytes ? tooLarge : undefined;
}

const tooLarge = { status: 413, message: 'the body is larger than 3 MiB' };

function handle(request: http.IncomingMessage, response: http.ServerResponse, options: WebhookOptions): void {
  const answer = (status: number, body: unknown) => {
    const close = status >= 400 ? { connection: 'close' } : {};
    response.writeHead(status, { 'content-type': 'application/json', ...close });
    response.end(JSON.stringify(body));
  };
  const refuse = ({ status, message }: { status: number; message: string }) => {
    options.log.warn('webhook request refused', { status, message });
    answer(status, { error: message });
  };

  const { pathname } = new URL(request.url ?? '/', 'https://webhook');
  if (pathname === '/healthz') {
    answer(200, { ok: true });
    return;
  }
  const refusal = refusalOf(request, pathname);
  if (refusal !== undefined) {
    refuse(refusal);
    return;
  }

  const chunks: Buffer[] = [];
  let size = 0;
  request.on('error', () => request.destroy());
  request.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= maxBodyBytes) chunks.push(chunk);
    else if (!response.headersSent) refuse(tooLarge);
    else request.destroy();
  });
  request.on('end', () => {
    if (response.headersSent) return;
    const body = parseJson(Buffer.concat(chunks));
    const result = body === undefined ? notJson : answerReview(body, options.inject);
    if (result.ok) answer(200, result.response);
    else refuse({ status: 400, message: result.message });
  });
}

const notJson = { ok: false, message: 'the body is not JSON, or nested deeper than 100 levels' } as const;

/** `undefined` for what is no JSON or is nested too deeply to walk safely. */
function parseJson(bytes: Buffer): unknown {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (inString) {
      if (byte === 0x5c) i++;
      else if (byte === 0x22) inString = false;
    } else if (byte === 0x22) inString = true;
    else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > 100) return undefined;
    } else if (byte === 0x7d || byte === 0x5d) depth--;
  }
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}
