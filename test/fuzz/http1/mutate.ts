const TOKENS = [
  '\r\n',
  '\n',
  '\r',
  '\r\n\r\n',
  ' ',
  '\t',
  ':',
  ';',
  ',',
  '\0',
  '\x7f',
  '\xff',
  '0',
  '5',
  'ffffffff',
  '0x',
  '+',
  '-1',
  'chunked',
  'Transfer-Encoding: chunked\r\n',
  'Content-Length: 5\r\n',
  'Host: b\r\n',
  'Connection: close\r\n',
  'Connection: upgrade\r\nUpgrade: websocket\r\n',
  'Expect: 100-continue\r\n',
  'GET /smuggled HTTP/1.1\r\nHost: evil\r\n\r\n',
  '0\r\n\r\n',
  '3\r\nabc\r\n',
  'HTTP/1.0',
  'HTTP/1.1 200 OK\r\n',
  '/../',
  '%2e',
  '%2f',
  '//',
  '\\',
  '#',
  '\r\n ',
  'CONNECT ',
  'HEAD ',
].map((token) => Buffer.from(token, 'latin1'));

/** Makes an input from the corpus: some messages one after another, then a few random edits. */
export function mutate(corpus: readonly string[], random: () => number): Buffer {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  let bytes = Buffer.from(Array.from({ length: 1 + Math.floor(random() * 3) }, () => pick(corpus)).join(''), 'latin1');
  for (let edits = Math.floor(random() * 6); edits > 0 && bytes.length > 0; edits--) {
    const at = Math.floor(random() * bytes.length);
    const length = Math.floor(random() * 8);
    switch (Math.floor(random() * 5)) {
      case 0:
        bytes[at] = Math.floor(random() * 256);
        break;
      case 1:
        bytes = Buffer.concat([bytes.subarray(0, at), pick(TOKENS), bytes.subarray(at)]);
        break;
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at, at + length * 4), bytes.subarray(at)]);
        break;
      default:
        bytes = Buffer.concat([bytes.subarray(0, at), pick(TOKENS), bytes.subarray(at + length)]);
    }
  }
  return bytes;
}
