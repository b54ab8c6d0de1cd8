import type { IncomingHttpHeaders } from 'node:http';

const localHost = /^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/i;

/**
 * Why a request is not from a program on this machine, or `undefined`. A web page can make a browser connect here:
 * under a name of its own that it re-binds to 127.0.0.1, which `Host` gives away, or by its own origin, which
 * `Origin` and `Sec-Fetch-Site` give away (security.md UI-03).
 */
export function refusalOf(headers: IncomingHttpHeaders): { status: number; reason: string } | undefined {
  if (!localHost.test(headers.host ?? '')) {
    return { status: 421, reason: 'the admin port answers to localhost, 127.0.0.1 and [::1] only' };
  }
  const site = headers['sec-fetch-site'];
  if (site === 'cross-site' || site === 'same-site') return { status: 403, reason: 'cross-site requests are refused' };
  if (headers.origin !== undefined && headers.origin !== `http://${headers.host}`) {
    return { status: 403, reason: 'requests of other origins are refused' };
  }
  return undefined;
}
