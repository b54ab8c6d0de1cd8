import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkRequestBytes } from '../../test/fuzz/http1/check-request.ts';
import { corpus } from '../../test/fuzz/http1/corpus.ts';
import { cuts, seeded } from '../../test/fuzz/http1/cuts.ts';
import { ClientDriver } from '../../test/fuzz/http1/drive-client.ts';
import { ok, ServerDriver } from '../../test/fuzz/http1/drive-server.ts';
import { mutate } from '../../test/fuzz/http1/mutate.ts';
import { Headers } from '../stream/headers.ts';

const characters = (allowed: string) => fc.constantFrom(...allowed);
const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
const name = fc
  .string({ unit: characters(`${letters}0123456789!#$%&'*+^\`|~-`), minLength: 1, maxLength: 20 })
  .map((text) => `x-${text}`)
  .filter((text) => !/^x-(?:forwarded-|heddle-|envoy-|real-ip$|request-id$)/i.test(text));
const value = fc
  .string({
    unit: fc
      .integer({ min: 0x20, max: 0xff })
      .filter((code) => code !== 0x7f)
      .map((code) => String.fromCharCode(code)),
    maxLength: 60,
  })
  .map((text) => text.replace(/^[\t ]+|[\t ]+$/g, ''));
const fields = fc.array(fc.tuple(name, value), { maxLength: 20 }).map((list) => {
  const headers = new Headers();
  for (const [rawName, text] of list) headers.append(rawName, text);
  return headers;
});
const body = fc
  .array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 })
  .map((parts) => parts.map((part) => Buffer.from(part)));
const pathname = fc
  .string({ unit: characters(`${letters}0123456789-_~!$&'()*+,:@=`), maxLength: 40 })
  .map((text) => `/${text}`);

/** Sends a message piece by piece through a writer. */
function write(
  writer: { data(chunk: Buffer, end: boolean): boolean; trailers(trailers: Headers): void },
  parts: Buffer[],
  trailers: Headers | undefined,
): void {
  for (const part of parts) writer.data(part, false);
  if (trailers === undefined) writer.data(Buffer.alloc(0), true);
  else writer.trailers(trailers);
}

const total = (parts: Buffer[]) => Buffer.concat(parts).toString('latin1');

test('a request that one codec writes is the request that the other reads, however it is cut', () => {
  fc.assert(
    fc.property(
      fields,
      pathname,
      body,
      fc.option(fields, { nil: undefined }),
      fc.boolean(),
      fc.integer(),
      (headers, path, parts, trailers, sized, seed) => {
        const text = total(parts);
        const contentLength = sized ? text.length : undefined;
        const client = new ClientDriver();
        write(
          client.open({ method: 'POST', path, headers, contentLength }, false),
          parts,
          sized ? undefined : trailers,
        );
        expect(client.dropped).toEqual([]);
        const bytes = Buffer.from(client.transport.written, 'latin1');
        const random = seeded(seed);
        for (const chunks of [...cuts(bytes, random)].slice(-3)) {
          const server = new ServerDriver().send(chunks);
          expect(server.refused).toEqual([]);
          expect(server.requests).toHaveLength(1);
          const seen = server.requests[0]!;
          expect(seen.head).toMatchObject({ method: 'POST', path, authority: 'app.test', contentLength, headers });
          expect([seen.body, seen.ended]).toEqual([text, true]);
          if (!sized && trailers !== undefined && trailers.size > 0) expect(seen.trailers).toEqual(trailers);
          server.finish();
        }
      },
    ),
    { numRuns: 150 },
  );
});

test('a response that one codec writes is the response that the other reads, however it is cut', () => {
  fc.assert(
    fc.property(
      fields,
      fc.integer({ min: 200, max: 599 }),
      body,
      fc.boolean(),
      fc.integer(),
      (headers, status, parts, sized, seed) => {
        const bodiless = status === 204 || status === 304;
        const text = bodiless ? '' : total(parts);
        const server = new ServerDriver({}, 'never').send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
        server.writers[0]!.head(
          { ...ok, status, headers, contentLength: sized && !bodiless ? text.length : undefined },
          false,
        );
        write(server.writers[0]!, parts, undefined);
        server.finish();
        expect(server.transport.destroyed).toBe(false);
        for (const chunks of [...cuts(Buffer.from(server.transport.written, 'latin1'), seeded(seed))].slice(-3)) {
          const client = new ClientDriver();
          client.open();
          client.send(chunks);
          expect(client.violations).toEqual([]);
          expect(client.last).toMatchObject({ head: { status, headers }, body: text, ended: true });
          expect(client.codec.capacity).toBe(1);
        }
      },
    ),
    { numRuns: 150 },
  );
});

test('mutated requests never throw, and every cut of them has the same outcome', () => {
  const random = seeded(4);
  for (let run = 0; run < 1_500; run++) checkRequestBytes(mutate(corpus, random), random);
});

test('inputs that once broke something no longer do', () => {
  const crashes = path.resolve(import.meta.dirname, '../../test/fuzz/http1/crashes');
  const files = fs.readdirSync(crashes).filter((file) => file.endsWith('.bin'));
  for (const file of files) {
    const input = fs.readFileSync(path.join(crashes, file));
    for (let seed = 0; seed < 20; seed++) checkRequestBytes(input, seeded(seed));
  }
});

test('mutated responses never throw, and every cut of them has the same outcome', () => {
  const random = seeded(5);
  const responses = [
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: x\r\n\r\nhello',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n0\r\nA: b\r\n\r\n',
    'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n',
    'HTTP/1.1 200\r\nConnection: close\r\n\r\nuntil the end',
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nraw',
  ];
  for (let run = 0; run < 1_500; run++) {
    const bytes = mutate(responses, random);
    const upgrade = random() < 0.3 ? 'websocket' : undefined;
    let first: string | undefined;
    for (const chunks of cuts(bytes, random)) {
      if (first !== undefined && random() > 0.1) continue;
      const client = new ClientDriver();
      client.open({ upgrade });
      client.send(chunks);
      client.codec.onEnd();
      const outcome = JSON.stringify(client.finish());
      first ??= outcome;
      expect(outcome).toBe(first);
      expect(client.violations).toEqual([]);
    }
  }
});

test('no byte of a body ever becomes a request', () => {
  const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: evil\r\n\r\n';
  fc.assert(
    fc.property(
      fc.string({ maxLength: 40 }),
      fc.string({ maxLength: 40 }),
      fc.boolean(),
      fc.boolean(),
      fc.integer(),
      (before, after, chunked, early, seed) => {
        const text = Buffer.from(before + smuggled + after, 'utf8').toString('latin1');
        const framed = chunked
          ? `Transfer-Encoding: chunked\r\n\r\n${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`
          : `Content-Length: ${text.length}\r\n\r\n${text}`;
        const input = Buffer.from(
          `POST /p HTTP/1.1\r\nHost: a\r\n${framed}GET /next HTTP/1.1\r\nHost: a\r\n\r\n`,
          'latin1',
        );
        for (const chunks of [...cuts(input, seeded(seed))].slice(-4)) {
          const server = new ServerDriver({}, early ? 'at-head' : 'at-end').send(chunks);
          expect(server.requests.map((request) => request.head.path)).toEqual(['/p', '/next']);
          if (!early) expect(server.requests[0]!.body).toBe(text);
          server.finish();
        }
      },
    ),
    { numRuns: 200 },
  );
});
