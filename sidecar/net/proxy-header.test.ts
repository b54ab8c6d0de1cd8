import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readProxyHeader } from './proxy-header.ts';
import { writeProxyHeader } from './write-proxy-header.ts';

const both = [1, 2] as const;
const text = (line: string) => readProxyHeader(Buffer.from(line, 'latin1'), both);
const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const binary = (...rest: number[]) => readProxyHeader(Buffer.concat([signature, Buffer.from(rest)]), both);

test('version 1 is read with what follows it left alone', () => {
  expect(text('PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\nGET / ')).toEqual({
    kind: 'header',
    bytes: 45,
    ends: { source: { address: '192.0.2.1', port: 56_324 }, destination: { address: '198.51.100.2', port: 443 } },
  });
  expect(text('PROXY TCP6 2001:db8::1 ::1 1 2\r\n')).toMatchObject({ ends: { source: { address: '2001:db8::1' } } });
  expect(text('PROXY UNKNOWN ffff::1 whatever\r\n')).toMatchObject({ kind: 'header', ends: undefined });
  expect(text('PRO')).toEqual({ kind: 'more' });
  expect(text('GET / HTTP/1.1\r\n')).toEqual({ kind: 'none' });
});

test('TLS-29: version 1 that is too long or does not hold what it says is refused', () => {
  const lines = [
    `PROXY TCP4 ${'1'.repeat(120)}`,
    `PROXY UNKNOWN ${'x'.repeat(100)}\r\n`,
    'PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n',
    'PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n',
    'PROXY TCP4 1.2.3.4 5.6.7.8 65536 2\r\n',
    'PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n',
    'PROXY TCP4 1.2.3.4  5.6.7.8 1 2\r\n',
    'PROXY TCP4 ::1 ::1 1 2\r\n',
    'PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n',
    'PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n',
  ];
  for (const line of lines) expect([line, text(line)]).toMatchObject([line, { kind: 'invalid' }]);
});

test('TLS-29: version 2 with lying lengths, too much attached, or a command nobody knows is refused', () => {
  const addresses = [1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 0, 2];
  expect(binary(0x21, 0x11, 0, 12, ...addresses)).toMatchObject({ kind: 'header', bytes: 28 });
  expect(binary(0x21, 0x11, 0, 11, ...addresses)).toMatchObject({ kind: 'invalid' });
  expect(binary(0x21, 0x21, 0, 12, ...addresses)).toMatchObject({ kind: 'invalid' });
  expect(binary(0x21, 0x11, 0xff, 0xff)).toMatchObject({ kind: 'invalid' });
  expect(binary(0x22, 0x11, 0, 12, ...addresses)).toMatchObject({ kind: 'invalid' });
  expect(binary(0x11, 0x11, 0, 12, ...addresses)).toMatchObject({ kind: 'invalid' });
  // A value that says it is longer than what is left, and one that fits.
  expect(binary(0x21, 0x11, 0, 16, ...addresses, 4, 0, 9, 0)).toMatchObject({ kind: 'invalid' });
  expect(binary(0x21, 0x11, 0, 16, ...addresses, 4, 0, 1, 0)).toMatchObject({ kind: 'header', bytes: 32 });
  expect(binary(0x20, 0, 0, 0)).toEqual({ kind: 'header', bytes: 16, ends: undefined });
});

test('a version that is not allowed is no header', () => {
  expect(readProxyHeader(Buffer.from('PROXY UNKNOWN\r\n'), [2])).toEqual({ kind: 'none' });
  expect(readProxyHeader(Buffer.concat([signature, Buffer.from([0x20, 0, 0, 0])]), [1])).toEqual({ kind: 'none' });
});

test('what is written is read again, and no bytes make the reader throw', () => {
  const port = fc.integer({ min: 0, max: 65_535 });
  fc.assert(
    fc.property(fc.constantFrom(1, 2), fc.ipV4(), fc.ipV4(), port, port, (version, source, destination, from, to) => {
      const ends = { source: { address: source, port: from }, destination: { address: destination, port: to } };
      const header = writeProxyHeader(version as 1 | 2, ends);
      expect(readProxyHeader(header, both)).toEqual({ kind: 'header', bytes: header.length, ends });
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      readProxyHeader(Buffer.concat([signature, bytes]), both);
      readProxyHeader(Buffer.concat([Buffer.from('PROXY '), bytes]), both);
    }),
  );
  const mixed = { source: { address: '::ffff:1.2.3.4', port: 1 }, destination: { address: '2001:db8::2', port: 2 } };
  expect(readProxyHeader(writeProxyHeader(2, mixed), both)).toMatchObject({ ends: { destination: { port: 2 } } });
  expect(writeProxyHeader(1, mixed).toString()).toBe('PROXY TCP6 0:0:0:0:0:ffff:102:304 2001:db8:0:0:0:0:0:2 1 2\r\n');
});
