import assert from 'node:assert/strict';
import { FieldSection, SectionKind } from '../../../sidecar/http2/field-section.ts';
import { HpackDecoder, HpackResult } from '../../../sidecar/http2/hpack-decoder.ts';
import { responseLimits } from '../../../sidecar/http2/limits.ts';
import * as h2 from '../../harness/http2-frames.ts';
import { checkHttp2Bytes } from '../http2/check.ts';
import { generate } from '../http2/generate.ts';
import { damage, type FuzzTarget, pick } from '../target.ts';

const frames = (name: string, toServer: boolean): FuzzTarget => ({
  name,
  make: (random) => generate(random, toServer),
  check: (input, random) => checkHttp2Bytes(input, toServer, random),
});

export const http2Server = frames('http2-server', true);
export const http2Client = frames('http2-client', false);

const blocks = [
  h2.block(h2.get),
  h2.block([...h2.post, ['cookie', 'a=b'], ['x-long', 'v'.repeat(300)]]),
  ...[
    '828684418cf1e3c2e5f23a6ba0ab90f4ff',
    '828684be58086e6f2d6361636865',
    '400a637573746f6d2d6b65790d637573746f6d2d686561646572',
    '3fe11f8286844003782d610162bebfc0',
    '88588d9caec3771a4bf4a523f2b0e62c00',
  ].map((hex) => Buffer.from(hex, 'hex')),
];

/** Blocks one after another on one connection, each with its length before it. */
export const hpack: FuzzTarget = {
  name: 'hpack',
  make: (random) =>
    Buffer.concat(
      Array.from({ length: 1 + Math.floor(random() * 5) }, () => {
        const block = damage(pick(blocks, random), random, blocks).subarray(0, 0xffff);
        return Buffer.concat([Buffer.from([block.length >> 8, block.length & 0xff]), block]);
      }),
    ),
  check(input) {
    assert.equal(decodeAll(input, 0), decodeAll(input, 7), 'where a block lies in memory changed its outcome');
  },
};

function decodeAll(input: Buffer, shift: number): string {
  const decoder = new HpackDecoder(4_096);
  const section = new FieldSection(responseLimits, 'allow', undefined);
  const bytes = Buffer.concat([Buffer.alloc(shift, 0xff), input, Buffer.alloc(shift, 0xff)]);
  const end = bytes.length - shift;
  let outcome = '';
  for (let at = shift; at + 2 <= end; ) {
    const from = at + 2;
    const to = Math.min(end, from + bytes.readUInt16BE(at));
    section.begin(SectionKind.request);
    const result = decoder.decode(bytes, from, to, section);
    const { headers, malformed, refused, path, authority } = section;
    outcome += JSON.stringify([result, headers.names, headers.values, malformed, refused, path, authority]);
    if (malformed === '') {
      for (const name of headers.names) assert.match(name, /^[!#$%&'*+.^_`|~0-9a-z-]+$/);
      for (const value of headers.values) assert.doesNotMatch(value, /^[\t ]|[\t ]$|[^\t\x20-\x7e\x80-\xff]/);
    }
    // The table is of no use any more, and the connection over.
    if (result !== HpackResult.ok) break;
    section.release();
    at = to;
  }
  return outcome;
}
