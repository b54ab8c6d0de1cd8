import { expect, test } from 'vitest';
import { PrefaceSniffer } from './http2-preface.ts';

const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

test('HTTP/1 is told by the first byte that is not the preface’s', () => {
  for (const text of ['G', 'GET / HTTP/1.1\r\n', 'PO', 'PROPFIND /', 'PRI * HTTP/2.1']) {
    expect(new PrefaceSniffer().sniff(Buffer.from(text))?.protocol).toBe('http1');
  }
});

test('HTTP/2 is told by the whole preface, in whatever pieces it comes, and no byte is lost', () => {
  const bytes = Buffer.from(`${preface}rest`);
  for (let cut = 1; cut < preface.length; cut++) {
    const sniffer = new PrefaceSniffer();
    expect(sniffer.sniff(bytes.subarray(0, cut))).toBeUndefined();
    expect(sniffer.held?.length).toBe(cut);
    expect(sniffer.sniff(bytes.subarray(cut))).toEqual({ protocol: 'http2', bytes });
  }
});
