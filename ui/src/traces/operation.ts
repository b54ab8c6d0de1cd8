import type { Span } from '../../../proto/api/v1.ts';

/** Method and path of a request, or the span's name (which holds the route) where they are not known. */
export function operationOf({ name, attributes }: Span): string {
  const method = attributes['http.request.method'];
  const path = attributes['url.path'];
  return typeof method === 'string' && typeof path === 'string' ? `${method} ${path}` : name;
}
