/**
 * How a request went for the endpoint that it was sent to:
 *
 * - `success`: it answered, and not with 500 or above (429 is no failure: it sheds load).
 * - `server-error`: it answered 500 or above, or with a gRPC status that means the same.
 * - `gateway-error`: it answered 502, 503 or 504.
 * - `local-origin`: there was no answer: no connection, a reset, a time-out.
 */
export type RequestResult = 'success' | 'server-error' | 'gateway-error' | 'local-origin';

/** `status` is 0 where no answer came. */
export function resultOf(failed: boolean, status: number): RequestResult {
  if (!failed) return 'success';
  if (status === 0) return 'local-origin';
  return status >= 502 && status <= 504 ? 'gateway-error' : 'server-error';
}
