/** An answer of the admin port. */
export interface AdminResponse {
  status: number;
  contentType: string;
  body: string;
}

/** One path of the admin port. */
export interface AdminRoute {
  /** Only a POST may change anything. */
  method: 'GET' | 'POST';
  path: string;
  help: string;
  handle(query: URLSearchParams): AdminResponse | Promise<AdminResponse>;
}

export function text(body: string, status = 200): AdminResponse {
  return { status, contentType: 'text/plain; charset=UTF-8', body };
}

export function json(value: unknown): AdminResponse {
  return { status: 200, contentType: 'application/json', body: `${JSON.stringify(value, undefined, 1)}\n` };
}

/** Whether `?format=json` was asked for. */
export function wantsJson(query: URLSearchParams): boolean {
  return query.get('format') === 'json';
}
