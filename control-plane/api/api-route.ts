import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { HttpError } from './http-error.ts';

/** An answer as it goes out; security headers are added to every one. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string | Buffer;
  readonly headers?: OutgoingHttpHeaders;
}

/** One request, decoded. */
export interface ApiCall {
  /** Values of the pattern's `:parameters`, percent-decoded. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly request: IncomingMessage;
  /** The whole body; empty for GET. */
  readonly body: Buffer;
}

/** A call of the API: `pattern` is a path whose parts may be `:parameters`. */
export interface ApiRoute {
  readonly method: 'GET' | 'POST';
  readonly pattern: string;
  /** Largest body in bytes. Default 4 MiB (security.md L-98). */
  readonly maxBodyBytes?: number;
  /** Whether it is safe to call from anywhere that may read it: OTLP intake. Default: POST needs `x-heddle-client`. */
  readonly open?: boolean;
  readonly handle: (call: ApiCall) => Answer | Promise<Answer>;
}

export interface MatchedRoute {
  readonly route: ApiRoute;
  readonly parameters: Readonly<Record<string, string>>;
}

/**
 * The route for a method and path; `undefined` when no pattern has this path. Throws 405 when only the method is
 * wrong. HEAD is answered like GET.
 */
export function findRoute(routes: readonly ApiRoute[], method: string, path: string): MatchedRoute | undefined {
  const wanted = method === 'HEAD' ? 'GET' : method;
  const parts = path.split('/');
  const allowed: string[] = [];
  for (const route of routes) {
    const parameters = matchPattern(route.pattern.split('/'), parts);
    if (parameters === undefined) continue;
    if (route.method === wanted) return { route, parameters };
    allowed.push(route.method);
  }
  if (allowed.length > 0) {
    const allow = allowed.join(', ');
    throw new HttpError(405, 'method-not-allowed', `use ${allow} for ${path}`, { headers: { allow } });
  }
  return undefined;
}

function matchPattern(pattern: readonly string[], parts: readonly string[]): Record<string, string> | undefined {
  if (pattern.length !== parts.length) return undefined;
  const parameters: Record<string, string> = {};
  for (const [index, expected] of pattern.entries()) {
    const part = parts[index] ?? '';
    if (!expected.startsWith(':')) {
      if (expected !== part) return undefined;
      continue;
    }
    try {
      parameters[expected.slice(1)] = decodeURIComponent(part);
    } catch {
      throw new HttpError(400, 'bad-request', 'the path is not percent-encoded UTF-8');
    }
    if (part === '') return undefined;
  }
  return parameters;
}

export function json(value: unknown, status = 200, headers: OutgoingHttpHeaders = {}): Answer {
  return { status, contentType: 'application/json; charset=utf-8', body: `${JSON.stringify(value)}\n`, headers };
}

export function text(body: string, status = 200): Answer {
  return { status, contentType: 'text/plain; charset=utf-8', body };
}
