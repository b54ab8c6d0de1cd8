import type { OutgoingHttpHeaders } from 'node:http';
import type { ApiError, Problem } from '../../proto/api/v1.ts';

/** A call that is answered with an error. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly status: number;
  /** Stable kebab-case word for programs. */
  readonly code: string;
  readonly problems: readonly Problem[] | undefined;
  readonly headers: OutgoingHttpHeaders;

  constructor(
    status: number,
    code: string,
    message: string,
    more: { problems?: readonly Problem[]; headers?: OutgoingHttpHeaders } = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.problems = more.problems;
    this.headers = more.headers ?? {};
  }

  toBody(): ApiError {
    const { code, message, problems } = this;
    return { error: problems === undefined ? { code, message } : { code, message, problems: [...problems] } };
  }
}
