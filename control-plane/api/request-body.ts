import type { IncomingMessage } from 'node:http';
import type { z } from 'zod';
import { formatPath } from '../../lib/field-path.ts';
import { HttpError } from './http-error.ts';

/** Largest body of a call that says nothing else (security.md L-98). */
export const defaultMaxBodyBytes = 4 * 1024 * 1024;

/** Reads a body whole, up to a limit. A body announced as larger is refused before a byte of it is read. */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const tooLarge = () =>
    new HttpError(413, 'body-too-large', `the body may have at most ${limit} bytes`, {
      headers: { connection: 'close' },
    });
  if (Number(request.headers['content-length'] ?? 0) > limit) throw tooLarge();
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > limit) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Reads a body as JSON of a given shape; fields it does not know are refused (security.md UI-08). */
export function parseBody<T>(body: Buffer, schema: z.ZodType<T>): T {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    throw new HttpError(400, 'bad-json', 'the body is not JSON in UTF-8');
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const told = result.error.issues.slice(0, 5).map((issue) => {
    const field = formatPath(issue.path.filter((part) => typeof part !== 'symbol'));
    return field === '' ? issue.message : `${field}: ${issue.message}`;
  });
  throw new HttpError(400, 'bad-request', told.join('; '));
}
