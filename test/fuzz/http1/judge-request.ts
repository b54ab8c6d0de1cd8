import { expect } from 'vitest';
import type { Http1ServerOptions } from '../../../sidecar/http1/server-codec.ts';
import { cuts, seeded } from './cuts.ts';
import { type AnswerPolicy, ServerDriver } from './drive-server.ts';

/** A request with a Host and these field lines. */
export const head = (lines: string, line = 'GET / HTTP/1.1') => `${line}\r\nHost: a.test\r\n${lines}\r\n`;

/** Drives a fresh codec with every cut of the input, then FIN, and returns the one outcome. */
export function drive(
  input: string,
  options: Partial<Http1ServerOptions> = {},
  policy: AnswerPolicy = 'at-end',
): ServerDriver {
  const bytes = Buffer.from(input, 'latin1');
  let first: ServerDriver | undefined;
  let expected: object | undefined;
  for (const chunks of cuts(bytes, seeded(bytes.length))) {
    const driver = new ServerDriver(options, policy).send(chunks);
    driver.codec.onEnd();
    const outcome = driver.finish();
    first ??= driver;
    expected ??= outcome;
    if (JSON.stringify(outcome) !== JSON.stringify(expected)) expect(outcome).toEqual(expected);
  }
  const driver = first as ServerDriver;
  expect(driver.violations).toEqual([]);
  expect(driver.closed).toBe(1);
  return driver;
}

/** The input is answered with this refusal, and no request is made of it. */
export function refuses(input: string, refusal: string, options: Partial<Http1ServerOptions> = {}): void {
  const driver = drive(input, options);
  expect(driver.refused, JSON.stringify(input.slice(0, 120))).toEqual([refusal]);
  const [status, reason] = refusal.split(' ') as [string, string];
  const complete = driver.requests.filter((request) => request.reset === undefined);
  expect(complete).toEqual([]);
  if (status === '0') {
    expect(driver.transport.written).toBe('');
    return;
  }
  const written = driver.transport.written;
  expect(written).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  expect(written).toMatch(/\r\nconnection: close/);
  expect(written).toContain('\r\ncontent-type: application/json\r\n');
  expect(written).toContain(`\r\nx-heddle-reason: ${reason}\r\n`);
  const [, length] = /content-length: (\d+)/.exec(written) as RegExpExecArray;
  const body = written.slice(written.indexOf('\r\n\r\n') + 4);
  expect(body.length).toBe(Number(length));
  expect(JSON.parse(body)).toMatchObject({ status: Number(status), reason });
  expect(driver.transport.ended).toBe(true);
}

/** The input is one good request. */
export function accepts(input: string, options: Partial<Http1ServerOptions> = {}) {
  const driver = drive(input, options);
  expect(driver.refused, JSON.stringify(input.slice(0, 120))).toEqual([]);
  expect(driver.requests).toHaveLength(1);
  const request = driver.requests[0];
  if (request === undefined) throw new Error('no request');
  return { ...request, written: driver.transport.written, dropped: driver.dropped };
}

/** A request line with a body to follow. */
export const post = 'POST / HTTP/1.1';
/** Options of a codec inside the mesh. */
export const mesh = { edge: false };
