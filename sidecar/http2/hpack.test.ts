import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Headers } from '../stream/headers.ts';
import { FieldSection, SectionKind } from './field-section.ts';
import { HpackDecoder, HpackResult } from './hpack-decoder.ts';
import { HpackEncoder } from './hpack-encoder.ts';
import { codeLengths, decodeHuffman, huffmanOutput } from './huffman.ts';
import { responseLimits } from './limits.ts';
import { OutBuffer } from './out-buffer.ts';

const limits = { ...responseLimits, maxFields: 1_000, maxHeaderBytes: 1 << 20, maxFieldBytes: 1 << 16 };

function sectionOf(kind: number = SectionKind.response): FieldSection {
  const section = new FieldSection(limits, 'allow', undefined);
  section.begin(kind);
  return section;
}

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(/\s/g, ''), 'hex');
}

function decode(decoder: HpackDecoder, block: Buffer, kind: number): FieldSection {
  const section = sectionOf(kind);
  expect(decoder.decode(block, 0, block.length, section)).toBe(HpackResult.ok);
  section.finish();
  expect(section.malformed).toBe('');
  return section;
}

const fieldsOf = ({ headers }: FieldSection) => headers.names.map((name, i) => `${name}: ${headers.values[i]}`);

test.each([
  [
    'C.3, without Huffman',
    [
      '828684410f7777772e6578616d706c652e636f6d',
      '828684be58086e6f2d6361636865',
      '828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565',
    ],
  ],
  [
    'C.4, with Huffman',
    [
      '828684418cf1e3c2e5f23a6ba0ab90f4ff',
      '828684be5886a8eb10649cbf',
      '828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf',
    ],
  ],
])('RFC 7541 %s: three requests on one connection', (_, blocks) => {
  const decoder = new HpackDecoder(4_096);
  const [first, second, third] = blocks.map((block) => decode(decoder, hex(block), SectionKind.request));
  expect(first).toMatchObject({ method: 'GET', scheme: 'http', path: '/', authority: 'www.example.com' });
  expect(fieldsOf(second!)).toEqual(['cache-control: no-cache']);
  expect(third).toMatchObject({ scheme: 'https', path: '/index.html', authority: 'www.example.com' });
  expect(fieldsOf(third!)).toEqual(['custom-key: custom-value']);
});

test.each([
  [
    'C.5, without Huffman',
    [
      '4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d',
      '4803333037c1c0bf',
      '88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31',
    ],
  ],
  [
    'C.6, with Huffman',
    [
      '488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3',
      '4883640effc1c0bf',
      '88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007',
    ],
  ],
])('RFC 7541 %s: three responses, with a table of 256 bytes', (_, blocks) => {
  const decoder = new HpackDecoder(256);
  const [first, second, third] = blocks.map((block) => decode(decoder, hex(block), SectionKind.response));
  const location = 'location: https://www.example.com';
  expect(first!.status).toBe('302');
  expect(fieldsOf(first!)).toEqual(['cache-control: private', 'date: Mon, 21 Oct 2013 20:13:21 GMT', location]);
  expect(second!.status).toBe('307');
  expect(fieldsOf(second!)).toEqual(['cache-control: private', 'date: Mon, 21 Oct 2013 20:13:21 GMT', location]);
  expect(third!.status).toBe('200');
  expect(fieldsOf(third!)).toEqual([
    'cache-control: private',
    'date: Mon, 21 Oct 2013 20:13:22 GMT',
    location,
    'content-encoding: gzip',
    'set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
  ]);
});

test.each([
  ['an index of nothing', '80'],
  ['an index beyond the tables', 'be'],
  ['an integer that does not end', 'ffffffffffffff0f'],
  ['an integer that is cut off', 'ff'],
  ['a literal without a value', '400161'],
  ['a string that is longer than the block', '00017fff'],
  ['a size update above the limit', '3fe21f'],
  ['a size update behind a field', '8820'],
  ['three size updates', '202020'],
  ['EOS in a string', '4184ffffffff'],
  ['padding of more than seven bits', '4183f8ffff'],
  ['padding of zeros', '418100'],
])('a block with %s is refused', (_, block) => {
  const bytes = hex(block);
  expect(new HpackDecoder(4_096).decode(bytes, 0, bytes.length, sectionOf())).toBe(HpackResult.broken);
});

test('the Huffman code is complete: its lengths use up all codes', () => {
  expect(codeLengths).toHaveLength(257);
  expect(codeLengths.reduce((sum, length) => sum + 2 ** -length, 0)).toBe(1);
});

/** The plainest encoder, from RFC 7541's rule that codes are canonical. */
function encodeHuffman(text: Buffer): Buffer {
  const order = [...codeLengths.keys()].toSorted((a, b) => codeLengths[a]! - codeLengths[b]! || a - b);
  const codes = new Map<number, string>();
  let code = 0n;
  let length = 0;
  for (const symbol of order) {
    code <<= BigInt(codeLengths[symbol]! - length);
    length = codeLengths[symbol]!;
    codes.set(symbol, code.toString(2).padStart(length, '0'));
    code++;
  }
  const bits = [...text].map((byte) => codes.get(byte)).join('');
  const padded = bits.padEnd(Math.ceil(bits.length / 8) * 8, '1');
  return Buffer.from(padded.match(/.{8}/g)?.map((byte) => Number.parseInt(byte, 2)) ?? []);
}

test('every string comes back from the Huffman code', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      const text = Buffer.from(bytes);
      const coded = encodeHuffman(text);
      const length = decodeHuffman(coded, 0, coded.length);
      expect(huffmanOutput.bytes.subarray(0, length).equals(text)).toBe(true);
    }),
  );
});

const name = fc.oneof(
  fc.constantFrom(
    'accept',
    'cookie',
    'authorization',
    'x-request-id',
    'traceparent',
    'etag',
    'x-a',
    'x-b',
    'cache-control',
  ),
  fc.string({ unit: fc.constantFrom(...'abcxyz-0'), minLength: 1, maxLength: 30 }).map((text) => `x${text}`),
);
const value = fc
  .string({
    unit: fc
      .integer({ min: 0x20, max: 0xff })
      .filter((code) => code !== 0x7f)
      .map((code) => String.fromCharCode(code)),
    maxLength: 300,
  })
  .map((text) => text.replace(/^[\t ]+|[\t ]+$/g, ''));
const message = fc.array(fc.tuple(name, fc.oneof(value, fc.constantFrom('', 'a', 'gzip', 'text/html'))), {
  maxLength: 15,
});

test('what one connection encodes is what the other decodes, message by message, whatever the table size', () => {
  fc.assert(
    fc.property(
      fc.array(message, { maxLength: 30 }),
      fc.array(fc.integer({ min: 0, max: 8_192 })),
      (messages, sizes) => {
        const out = new OutBuffer();
        const encoder = new HpackEncoder(out, 4_096, (reason, field) => expect(`${reason} ${field}`).toBe(''));
        const decoder = new HpackDecoder(8_192);
        for (const [i, fields] of messages.entries()) {
          if (sizes[i] !== undefined) encoder.resize(sizes[i]);
          const headers = new Headers();
          for (const [field, text] of fields) headers.append(field, text);
          encoder.begin();
          encoder.field(':status', '200');
          encoder.fields(headers);
          const block = Buffer.from(out.take());
          const section = decode(decoder, block, SectionKind.response);
          const expected = headers.names.map((field, n) => `${field}: ${headers.values[n]}`);
          if (!headers.has('cookie')) expect(fieldsOf(section)).toEqual(expected);
          expect(section.headers.getAll('x-request-id')).toEqual(headers.getAll('x-request-id'));
        }
      },
    ),
  );
});

test('secrets are never indexed, and fields that were never to be indexed stay so', () => {
  const out = new OutBuffer();
  const encoder = new HpackEncoder(out, 4_096, undefined);
  const headers = Headers.of({ authorization: 'Bearer secret', cookie: 'session=secret', 'x-secret': 'secret' });
  headers.neverIndexed = ['x-secret'];
  encoder.begin();
  encoder.fields(headers);
  const first = Buffer.from(out.take());
  encoder.fields(headers);
  expect(Buffer.from(out.take()).equals(first)).toBe(true);
  const section = sectionOf(SectionKind.request);
  new HpackDecoder(4_096).decode(first, 0, first.length, section);
  expect(section.headers.neverIndexed).toEqual(['authorization', 'cookie', 'x-secret']);
});

test('a field that repeats takes one byte, one that never does keeps out of the table', () => {
  const out = new OutBuffer();
  const encoder = new HpackEncoder(out, 4_096, undefined);
  const send = (fields: Record<string, string>): number => {
    encoder.begin();
    encoder.fields(Headers.of(fields));
    return out.take().length;
  };
  send({ 'x-kept': 'the same' });
  for (let i = 0; i < 2_000; i++) {
    send({ 'x-unique': `value ${i}`, 'x-request-id': `id ${i}` });
    expect(send({ 'x-kept': 'the same' })).toBe(1);
  }
});

test('nothing that HTTP forbids is written, whoever set it', () => {
  const out = new OutBuffer();
  const dropped: string[] = [];
  const encoder = new HpackEncoder(out, 4_096, (_, field) => dropped.push(field));
  const headers = new Headers();
  for (const field of [':path', 'connection', 'transfer-encoding', 'content-length', 'host', 'upgrade', 'a b', ''])
    headers.append(field, 'x');
  for (const text of ['a\r\nb', 'a\0', ' a', 'a ', 'a\u0100']) headers.append('x', text);
  encoder.fields(headers);
  expect(out.pending).toBe(0);
  expect(dropped).toHaveLength(13);
});

test('random blocks never throw', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 10 }), (blocks) => {
      const decoder = new HpackDecoder(4_096);
      for (const block of blocks) decoder.decode(Buffer.from(block), 0, block.length, sectionOf());
    }),
    { numRuns: 2_000 },
  );
});
