import * as h2 from '../../harness/http2-frames.ts';

type Field = readonly [string, string];

const pick = <T>(list: readonly T[], random: () => number): T => list[Math.floor(random() * list.length)] as T;

const requests: readonly (readonly Field[])[] = [
  h2.get,
  h2.post,
  [...h2.get, ['accept', '*/*'], ['cookie', 'a=b'], ['cookie', 'c=d']],
  [...h2.post, ['content-length', '5']],
  [...h2.post, ['content-length', '5'], ['expect', '100-continue'], ['te', 'trailers']],
  [[':method', 'HEAD'], ...h2.get.slice(1)],
  [
    [':method', 'CONNECT'],
    [':authority', 'a.test:443'],
  ],
  [[':method', 'CONNECT'], [':protocol', 'websocket'], ...h2.get.slice(1)],
  [
    [':method', 'OPTIONS'],
    [':scheme', 'https'],
    [':path', '*'],
    [':authority', 'a.test'],
  ],
  [...h2.get, ['x_y', '1'], ['host', 'a.test']],
  [...h2.get, ['Upper', '1']],
  [...h2.get, ['a', 'b\r\nc']],
  [...h2.get, ['connection', 'close']],
  [...h2.get, [':path', '/late']],
  h2.changed(h2.get, { ':path': '/a/../b//c' }),
  h2.changed(h2.get, { ':path': undefined }),
  h2.changed(h2.get, { ':authority': 'u@h' }),
  [...h2.get, ...Array.from({ length: 120 }, (_, i): Field => [`x-${i}`, '1'])],
  [...h2.get, ['x', 'y'.repeat(9_000)]],
];
const responses: readonly (readonly Field[])[] = [
  [[':status', '200']],
  [
    [':status', '200'],
    ['content-length', '5'],
  ],
  [[':status', '204']],
  [[':status', '100']],
  [
    [':status', '103'],
    ['link', '</a>'],
  ],
  [[':status', '101']],
  [[':status', '999']],
  [
    [':status', '304'],
    ['content-length', '5'],
  ],
  [
    ['x', 'y'],
    [':status', '200'],
  ],
  [
    [':status', '200'],
    ['set-cookie', 'a'],
    ['set-cookie', 'b'],
    ['transfer-encoding', 'chunked'],
  ],
];
const trailers: readonly (readonly Field[])[] = [
  [['grpc-status', '0']],
  [
    ['cookie', 'a'],
    ['x', 'y'],
  ],
  [[':path', '/']],
];

/** Blocks that use tables, sizes and integers: good and bad ones. */
const blocks = [
  '828684be',
  '82868441',
  '828684410f7777772e6578616d706c652e636f6d',
  '828684be5808 6e6f2d6361636865',
  '3fe11f828684',
  '3fe21f',
  '20828684',
  '8286840f',
  'ffffffffffffff0f',
  '8286844191f1e3c2e5f23a6ba0ab90f4ff',
  '400a637573746f6d2d6b6579',
  'c0',
  '80',
  '10',
  '82868441060080ff00',
  '88',
  '885f0130',
].map((hex) => Buffer.from(hex.replaceAll(' ', ''), 'hex'));

/** Frames as a peer might send them, most of them in order, some of them not. */
export function generate(random: () => number, toServer: boolean): Buffer {
  const parts: Buffer[] = toServer ? [h2.connectionPreface] : [];
  if (random() < 0.95)
    parts.push(
      pick([h2.settings(), h2.settings([4, 10]), h2.settings([1, 0], [3, 5]), h2.settings([4, 0], [8, 1])], random),
    );
  let next = 1;
  const ids = (): number =>
    random() < 0.85 ? Math.max(1, next - 2 * Math.ceil(random() * 3)) : Math.floor(random() * 12);
  for (let steps = 1 + Math.floor(random() * 12); steps > 0; steps--) {
    const stream = ids();
    const end = random() < 0.5;
    const roll = random();
    if (roll < 0.4) {
      const id = toServer && random() < 0.9 ? next : stream;
      if (id === next) next += 2;
      const lists = toServer ? requests : responses;
      const body = random() < 0.8 ? h2.block(pick(random() < 0.9 ? lists : trailers, random)) : pick(blocks, random);
      if (random() < 0.15) {
        const cut = Math.floor(random() * body.length);
        parts.push(h2.frame(h2.FrameType.headers, end ? 1 : 0, id, body.subarray(0, cut)));
        parts.push(h2.frame(h2.FrameType.continuation, random() < 0.9 ? 4 : 0, id, body.subarray(cut)));
      } else parts.push(h2.headers(id, body, end));
    } else if (roll < 0.65) {
      const bytes = Buffer.alloc(pick([0, 1, 5, 5, 100, 5_000], random), 'd');
      const padded = random() < 0.2;
      const payload = padded ? Buffer.concat([Buffer.from([3]), bytes, Buffer.alloc(3)]) : bytes;
      parts.push(h2.frame(h2.FrameType.data, (end ? 1 : 0) | (padded ? 8 : 0), stream, payload));
    } else if (roll < 0.72) parts.push(h2.headers(stream, pick(trailers, random), random() < 0.8));
    else if (roll < 0.79)
      parts.push(h2.windowUpdate(random() < 0.5 ? 0 : stream, pick([0, 1, 10, 65_535, 0x7fff_ffff], random)));
    else if (roll < 0.85) parts.push(h2.rstStream(stream, Math.floor(random() * 14)));
    else if (roll < 0.88) parts.push(h2.ping());
    else if (roll < 0.91)
      parts.push(h2.settings([Math.floor(random() * 9), pick([0, 1, 100, 16_384, 0x7fff_ffff, 0xffff_ffff], random)]));
    else if (roll < 0.93) parts.push(h2.settingsAck);
    else if (roll < 0.95) parts.push(h2.goAway(stream, Math.floor(random() * 14)));
    else if (roll < 0.97) parts.push(h2.priority(stream, Math.floor(random() * 5)));
    else
      parts.push(
        h2.frame(
          Math.floor(random() * 20),
          Math.floor(random() * 256),
          stream,
          Buffer.alloc(Math.floor(random() * 20), 1),
        ),
      );
  }
  let bytes = Buffer.concat(parts);
  for (let edits = random() < 0.5 ? 0 : Math.floor(random() * 4); edits > 0; edits--) {
    const at = Math.floor(random() * bytes.length);
    const roll = random();
    if (roll < 0.5) bytes[at] = Math.floor(random() * 256);
    else if (roll < 0.75)
      bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + Math.floor(random() * 12))]);
    else
      bytes = Buffer.concat([
        bytes.subarray(0, at),
        bytes.subarray(at, at + Math.floor(random() * 30)),
        bytes.subarray(at),
      ]);
  }
  return bytes;
}
