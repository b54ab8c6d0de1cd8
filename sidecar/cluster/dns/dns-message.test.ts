import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readReply, writeQuestion } from './dns-message.ts';

const record = (owner: number[], type: number, data: number[]) =>
  Buffer.from([...owner, 0, type, 0, 1, 0, 0, 0, 60, 0, data.length, ...data]);

/** The reply to a question for `a.example`, with these answers. */
function reply(...records: Buffer[]): Buffer {
  const question = writeQuestion(7, 'a.example', 'A') as Buffer;
  const bytes = Buffer.concat([question, ...records]);
  bytes.writeUInt16BE(0x8180, 2);
  bytes.writeUInt16BE(records.length, 6);
  return bytes;
}

const asked = [0xc0, 12];
const read = (bytes: Buffer) => readReply(bytes, 7, 'a.example', 'A');

test('a reply is told from what is none of it', () => {
  const good = reply(record(asked, 1, [10, 0, 0, 1]));
  expect(read(good)).toEqual({ kind: 'records', records: { addresses: ['10.0.0.1'], ttl: 60 } });
  expect(readReply(good, 8, 'a.example', 'A')).toEqual({ kind: 'foreign' });
  expect(readReply(good, 7, 'b.example', 'A')).toEqual({ kind: 'foreign' });
  expect(readReply(good, 7, 'a.example', 'AAAA')).toEqual({ kind: 'foreign' });
  expect(read(writeQuestion(7, 'a.example', 'A') as Buffer)).toEqual({ kind: 'foreign' });
});

test('pointers that lead nowhere, addresses of a wrong size and aliases in a ring are failures', () => {
  const failed = (reason: string) => ({ kind: 'failed', reason });
  const self = reply().length;
  expect(read(reply(record([0xc0, self], 1, [10, 0, 0, 1])))).toEqual(failed('malformed'));
  expect(read(reply(record([0xc0, 0xff], 1, [10, 0, 0, 1])))).toEqual(failed('malformed'));
  expect(read(reply(record(asked, 1, [10, 0, 0])))).toEqual(failed('malformed'));
  expect(read(reply(record(asked, 1, [10, 0, 0, 1])).subarray(0, -1))).toEqual(failed('malformed'));
  expect(read(reply(record(asked, 5, asked)))).toEqual(failed('aliases without end'));
});

test('what cannot be a host name is not asked for', () => {
  for (const name of ['', 'a..b', 'a\0b', 'é', 'x'.repeat(64), `${'x'.repeat(60)}.`.repeat(5).slice(0, -1)]) {
    expect([name, writeQuestion(1, name, 'A')]).toEqual([name, undefined]);
  }
});

test('P-57: whatever comes is read without a throw, and yields only addresses', () => {
  const whole = reply(record(asked, 5, [1, 98, 0xc0, 14]), record([1, 98, 0xc0, 14], 1, [10, 0, 0, 1]));
  expect(read(whole)).toMatchObject({ kind: 'records' });
  const change = fc.record({ at: fc.nat(whole.length - 1), byte: fc.nat(255) });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 6 }), fc.nat(whole.length), fc.uint8Array(), (changes, cut, tail) => {
      const bytes = Buffer.concat([whole.subarray(0, cut === 0 ? whole.length : cut), tail]);
      for (const { at, byte } of changes) if (at < bytes.length) bytes[at] = byte;
      const result = read(bytes);
      return result.kind !== 'records' || result.records.addresses.every((address) => /^[\d.]+$/.test(address));
    }),
    { numRuns: 5_000 },
  );
});
