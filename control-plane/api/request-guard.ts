import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { ApiRoute } from './api-route.ts';
import { HttpError } from './http-error.ts';

/** Sent with every answer (security.md UI-04, P-67): nothing inline, nothing from elsewhere, in nobody's frame. */
export const securityHeaders: OutgoingHttpHeaders = {
  'content-security-policy':
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

/**
 * Refuses a Host that is not ours (421, security.md UI-03): a page of somewhere else, whose name was pointed at this
 * machine, must not read the API. An IP address is ours when the connection came in on it.
 */
export function checkHost(request: IncomingMessage, bindAddress: string): void {
  const { localAddress = '', localPort = 0 } = request.socket;
  const ipv4 = localAddress.replace(/^::ffff:/, '');
  const names = ['localhost', '127.0.0.1', '[::1]', bracket(bindAddress), bracket(ipv4)];
  const host = request.headers.host?.toLowerCase() ?? '';
  const withPort = localPort === 80 && !/:\d+$/.test(host) ? `${host}:80` : host;
  if (!names.some((name) => withPort === `${name}:${localPort}`)) {
    throw new HttpError(421, 'misdirected-request', `this server is not ${JSON.stringify(host.slice(0, 100))}`);
  }
}

/** Refuses what a page of another origin could send (security.md UI-02). */
export function checkMutation(request: IncomingMessage, route: ApiRoute): void {
  const { origin, host } = request.headers;
  if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`) {
    throw new HttpError(403, 'cross-origin', 'requests of another origin are refused');
  }
  if (request.headers['sec-fetch-site'] === 'cross-site') {
    throw new HttpError(403, 'cross-origin', 'requests of another site are refused');
  }
  if (route.open) return;
  if (request.headers['x-heddle-client'] === undefined) {
    throw new HttpError(403, 'client-header-missing', 'send the header x-heddle-client, with any value');
  }
  const [mediaType = ''] = (request.headers['content-type'] ?? '').split(';');
  if (mediaType.trim().toLowerCase() !== 'application/json') {
    throw new HttpError(415, 'unsupported-media-type', 'content-type must be application/json');
  }
}

function bracket(address: string): string {
  return address.includes(':') ? `[${address}]` : address.toLowerCase();
}
