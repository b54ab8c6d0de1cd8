import type {
  ApiError,
  ApplyRequest,
  ApplyResponse,
  DeleteRequest,
  DiffResponse,
  Info,
  Problem,
  ProxyConfig,
  ProxyList,
  Resource,
  ResourceList,
  TokenRequest,
  TokenResponse,
  Trace,
  TraceList,
} from '../proto/api/v1.ts';
import { CliError, ExitCode } from './cli-error.ts';

export const defaultServer = 'http://127.0.0.1:15014';

/** What the API refused, with the problems it found in the files it was sent. */
export class ApiFailure extends CliError {
  readonly status: number;
  readonly code: string;
  readonly problems: readonly Problem[];

  constructor(status: number, error: ApiError['error']) {
    super(error.message, status >= 400 && status < 500 ? ExitCode.no : ExitCode.failed);
    this.status = status;
    this.code = error.code;
    this.problems = error.problems ?? [];
  }
}

/** Filters of the trace list; see proto/api/v1.ts. */
export interface TraceQuery {
  readonly service?: string;
  readonly route?: string;
  readonly minDurationMs?: number;
  readonly error?: boolean;
  readonly limit?: number;
}

/** Talks to the control plane's JSON API. */
export class ApiClient {
  readonly #server: URL;
  readonly #timeoutMs: number;

  /** @throws CliError when `server` is no http(s) URL. */
  constructor(server: string, timeoutMs = 15_000) {
    this.#server = parseServer(server);
    this.#timeoutMs = timeoutMs;
  }

  get server(): string {
    return this.#server.href.replace(/\/$/, '');
  }

  /** The same server with another time-out. */
  withTimeout(timeoutMs: number): ApiClient {
    return new ApiClient(this.server, timeoutMs);
  }

  info(): Promise<Info> {
    return this.#get('info');
  }

  /** All objects of a kind, page after page. @param namespace empty for all. */
  async list(kind: string, namespace: string): Promise<Resource[]> {
    const query = new URLSearchParams(namespace === '' ? {} : { namespace });
    const items: Resource[] = [];
    for (;;) {
      const page: ResourceList = await this.#get(`resources/${encodeURIComponent(kind)}?${query}`);
      items.push(...page.items);
      // A server that answers the same page again shall not be asked for ever.
      if (page.continue === undefined || page.continue === query.get('continue')) return items;
      query.set('continue', page.continue);
    }
  }

  get(kind: string, namespace: string, name: string): Promise<Resource> {
    return this.#get(`resources/${[kind, namespace, name].map(encodeURIComponent).join('/')}`);
  }

  apply(request: ApplyRequest): Promise<ApplyResponse> {
    return this.#post('apply', request);
  }

  diff(request: ApplyRequest): Promise<DiffResponse> {
    return this.#post('diff', request);
  }

  delete(request: DeleteRequest): Promise<ApplyResponse> {
    return this.#post('delete', request);
  }

  proxies(): Promise<ProxyList> {
    return this.#get('proxies');
  }

  proxyConfig(id: string, type: string): Promise<ProxyConfig> {
    return this.#get(`proxies/${encodeURIComponent(id)}/config/${encodeURIComponent(type)}`);
  }

  createToken(request: TokenRequest): Promise<TokenResponse> {
    return this.#post('tokens', request);
  }

  traces(query: TraceQuery): Promise<TraceList> {
    const parameters = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value));
    return this.#get(`traces?${parameters}`);
  }

  trace(id: string): Promise<Trace> {
    return this.#get(`traces/${encodeURIComponent(id)}`);
  }

  #get<T>(path: string): Promise<T> {
    return this.#call(path, { method: 'GET' });
  }

  #post<T>(path: string, body: unknown): Promise<T> {
    return this.#call(path, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', 'x-heddle-client': 'cli' },
    });
  }

  async #call<T>(path: string, init: RequestInit): Promise<T> {
    const url = new URL(`api/v1/${path}`, this.#server);
    let response: Response;
    let text: string;
    try {
      response = await fetch(url, { ...init, signal: AbortSignal.timeout(this.#timeoutMs), redirect: 'error' });
      text = await response.text();
    } catch (error) {
      throw new CliError(explainFailure(error, this.server, this.#timeoutMs));
    }
    const body = parseJson(text);
    if (response.ok && body !== undefined) return body as T;
    throw isApiError(body)
      ? new ApiFailure(response.status, body.error)
      : new CliError(`${this.server} answered ${response.status} and not as a control plane does; is --server right?`);
  }
}

function parseServer(server: string): URL {
  const url = URL.parse(server.endsWith('/') ? server : `${server}/`);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new CliError(`--server ${server} is no URL; write for example ${defaultServer}`, ExitCode.usage);
  }
  return url;
}

function explainFailure(error: unknown, server: string, timeoutMs: number): string {
  if (error instanceof Error && error.name === 'TimeoutError') {
    return `no answer from the control plane at ${server} within ${timeoutMs / 1000} s`;
  }
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  if (code === 'ECONNREFUSED') return `no control plane at ${server}; start one with \`heddle up\``;
  return `cannot reach the control plane at ${server}: ${cause instanceof Error ? cause.message : String(cause)}`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isApiError(body: unknown): body is ApiError {
  const error = (body as Partial<ApiError> | undefined)?.error;
  return typeof error?.message === 'string' && typeof error.code === 'string';
}
