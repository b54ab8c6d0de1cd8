import * as h2 from '../harness/http2-frames.ts';

type Field = readonly [string, string];

/** Frames that no proxy may act upon, and what it answers. */
export interface BadInput {
  /** Of the catalogue, and what it is. */
  readonly name: string;
  /** Sent behind the greeting, on stream 1. */
  readonly frames: readonly Buffer[];
  /** RST_STREAM, GOAWAY and the end of the socket, or a complete answer with a status. */
  readonly answer: 'reset' | 'go-away' | number;
  /** The reason as it is counted. */
  readonly reason: string;
  /** The fault stands behind a head that may have gone on: it must end as a reset, never whole. */
  readonly late?: boolean;
}

const { get, post, headers, data, frame, FrameType } = h2;
const hex = (text: string) => Buffer.from(text, 'hex');
const withField = (name: string, value: string) => [headers(1, [...get, [name, value]])];
const withChange = (changes: Record<string, string | undefined>) => [headers(1, h2.changed(get, changes))];
const many = (count: number, size: number) =>
  Array.from({ length: count }, (_, i): Field => [`x-${i}`, 'v'.repeat(size)]);
const times = (count: number, one: Buffer) => new Array<Buffer>(count).fill(one);

const heads: readonly (readonly [name: string, frames: Buffer[], answer: 'reset' | number, reason: string])[] = [
  ['H2-01: upper-case name', withField('Upper', 'x'), 'reset', 'h2.bad-field-name'],
  ['H2-01: connection', withField('connection', 'close'), 'reset', 'h2.connection-field'],
  ['H2-01: keep-alive', withField('keep-alive', 'timeout=5'), 'reset', 'h2.connection-field'],
  ['H2-01: proxy-connection', withField('proxy-connection', 'close'), 'reset', 'h2.connection-field'],
  ['H2-01: upgrade', withField('upgrade', 'h2c'), 'reset', 'h2.connection-field'],
  ['H2-01: transfer-encoding', withField('transfer-encoding', 'chunked'), 'reset', 'h2.connection-field'],
  ['H2-01: te: gzip', withField('te', 'gzip'), 'reset', 'h2.connection-field'],
  ['H2-02: CR in a value', withField('a', 'b\rc'), 'reset', 'h2.bad-field-value'],
  ['H2-02: LF in a value', withField('a', 'b\nc'), 'reset', 'h2.bad-field-value'],
  ['H2-02: NUL in a value', withField('a', 'b\0c'), 'reset', 'h2.bad-field-value'],
  ['H2-02: space in a name', withField('a b', 'c'), 'reset', 'h2.bad-field-name'],
  ['H2-02: colon in a name', withField('a:b', 'c'), 'reset', 'h2.bad-field-name'],
  ['H2-03: empty :path', withChange({ ':path': '' }), 'reset', 'h2.missing-pseudo-field'],
  ['H2-03: CR LF in :path', withChange({ ':path': '/\r\nx' }), 'reset', 'h2.bad-field-value'],
  ['H2-03: :path without a slash', withChange({ ':path': 'a' }), 400, 'h2.bad-target'],
  ['H2-03: space in :path', withChange({ ':path': '/a b' }), 400, 'h2.bad-target-byte'],
  ['H2-04: fragment', withChange({ ':path': '/a#b' }), 400, 'h2.bad-target-byte'],
  ['H2-04: backslash', withChange({ ':path': '/a\\b' }), 400, 'h2.backslash-in-path'],
  ['H2-04: semicolon', withChange({ ':path': '/a;b/../c' }), 400, 'h2.semicolon-in-path'],
  ['H2-04: dots above the root', withChange({ ':path': '/../a' }), 400, 'h2.path-above-root'],
  ['H2-05: lower-case method', withChange({ ':method': 'get' }), 501, 'h2.unknown-method'],
  ['H2-05: space in a method', withChange({ ':method': 'GET /' }), 400, 'h2.bad-method'],
  ['H2-06: another scheme', withChange({ ':scheme': 'ftp' }), 400, 'h2.bad-scheme'],
  ['H2-07: user info', withChange({ ':authority': 'u@a.test' }), 400, 'h2.bad-authority'],
  ['H2-07: bad port', withChange({ ':authority': 'a.test:99999' }), 400, 'h2.bad-authority'],
  ['H2-08: host differs', withField('host', 'b.test'), 400, 'h2.host-mismatch'],
  ['H2-09: neither host', withChange({ ':authority': undefined }), 400, 'h2.missing-authority'],
  ['H2-10: repeated', withField(':path', '/b'), 'reset', 'h2.repeated-pseudo-field'],
  ['H2-10: unknown', [headers(1, [[':foo', 'x'], ...get])], 'reset', 'h2.bad-field-name'],
  ['H2-10: late', [headers(1, [['a', 'b'], ...get])], 'reset', 'h2.late-pseudo-field'],
  ['H2-11: length of no body', [headers(1, [...post, ['content-length', '5']])], 'reset', 'h2.content-length-mismatch'],
  [
    'H2-11: two lengths',
    [headers(1, [...post, ['content-length', '0'], ['content-length', '0']])],
    'reset',
    'h2.duplicate-content-length',
  ],
  [
    'H2-14: cookies above 16 KiB',
    [headers(1, [...get, ...times(3, hex('')).map((): Field => ['cookie', 'c'.repeat(6_000)])])],
    431,
    'h2.field-too-large',
  ],
  [
    'H2-16: 1,001 empty cookies',
    [headers(1, Buffer.concat([h2.block(get), hex('6000'), Buffer.alloc(1_000, 0xbe)]))],
    431,
    'h2.too-many-fields',
  ],
  ['H2-17: 75 KB of fields', [headers(1, [...get, ...many(10, 7_500)])], 431, 'h2.headers-too-large'],
  ['H2-17: 101 fields', [headers(1, [...get, ...many(101, 1)])], 431, 'h2.too-many-fields'],
  [
    'H2-30: CONNECT',
    [
      headers(1, [
        [':method', 'CONNECT'],
        [':authority', 'a.test:443'],
      ]),
    ],
    405,
    'h2.method-not-allowed',
  ],
  ['H2-30: CONNECT with a path', withChange({ ':method': 'CONNECT' }), 'reset', 'h2.bad-connect'],
];

const late: readonly (readonly [name: string, frames: Buffer[], answer: 'reset' | 'go-away', reason: string])[] = [
  [
    'H2-10: pseudo-field in trailers',
    [headers(1, post, false), data(1, 'x'), headers(1, [[':path', '/']])],
    'reset',
    'h2.unexpected-pseudo-field',
  ],
  [
    'H2-11: more than announced',
    [headers(1, [...post, ['content-length', '3']], false), data(1, 'hello', true)],
    'reset',
    'h2.content-length-mismatch',
  ],
  [
    'H2-11: less than announced',
    [headers(1, [...post, ['content-length', '9']], false), data(1, 'hello', true)],
    'reset',
    'h2.content-length-mismatch',
  ],
  [
    'H2-12: trailers without END_STREAM',
    [headers(1, post, false), data(1, 'x'), headers(1, [['x', 'y']], false)],
    'reset',
    'h2.trailers-without-end',
  ],
  ['H2-23: empty DATA', [headers(1, post, false), data(1, ''), data(1, '')], 'go-away', 'h2.too-many-empty-frames'],
  [
    'H2-27: frame above 16,384 bytes',
    [headers(1, post, false), data(1, Buffer.alloc(16_385))],
    'go-away',
    'h2.frame-size',
  ],
  [
    'H2-27: padding longer than its frame',
    [headers(1, post, false), frame(FrameType.data, 8, 1, '\x05abc')],
    'go-away',
    'h2.bad-padding',
  ],
];

const connections: readonly (readonly [name: string, frames: Buffer[], reason: string])[] = [
  [
    'H2-15: entry of 3 KB, 4,000 times',
    [
      headers(
        1,
        Buffer.concat([h2.block(get), hex('400178' + '7fb916'), Buffer.alloc(3_000, 'v'), Buffer.alloc(4_000, 0xbe)]),
      ),
    ],
    'h2.decoded-fields-too-large',
  ],
  [
    'H2-16: 12,000 empty cookies',
    [headers(1, Buffer.concat([h2.block(get), hex('6000'), Buffer.alloc(12_000, 0xbe)]))],
    'h2.decoded-fields-too-large',
  ],
  [
    'H2-18: CONTINUATION without end',
    [
      frame(FrameType.headers, 0, 1, h2.block(get)),
      ...times(2_000, frame(FrameType.continuation, 0, 1, h2.block([['x', 'y']]))),
    ],
    'h2.too-many-continuations',
  ],
  ['H2-19: CONTINUATION without HEADERS', [frame(FrameType.continuation, 4, 1)], 'h2.unexpected-frame'],
  ['H2-19: PING inside a block', [frame(FrameType.headers, 0, 1), h2.ping()], 'h2.unexpected-frame'],
  ['H2-20: index of nothing', [headers(1, hex('80'))], 'h2.compression-error'],
  ['H2-20: endless integer', [headers(1, hex('ffffffffffffffff7f'))], 'h2.compression-error'],
  ['H2-20: table size above the limit', [headers(1, hex('3fe21f'))], 'h2.compression-error'],
  [
    'H2-22: streams that we must reset',
    Array.from({ length: 200 }, (_, i) => headers(1 + 2 * i, [...get, ['Upper', 'x']])),
    'h2.too-many-invalid-frames',
  ],
  ['H2-23: PING', times(2_000, h2.ping()), 'h2.too-many-control-frames'],
  ['H2-23: SETTINGS', times(2_000, h2.settings([4, 65_535])), 'h2.too-many-control-frames'],
  ['H2-24: PRIORITY', times(1_000, h2.priority(1)), 'h2.too-many-idle-frames'],
  ['H2-24: PRIORITY_UPDATE', times(1_000, frame(0x10, 0, 0, '\0\0\0\x01u=1')), 'h2.too-many-idle-frames'],
  ['H2-24: WINDOW_UPDATE', times(1_000, h2.windowUpdate(0, 1)), 'h2.too-many-window-updates'],
  ['H2-25: WINDOW_UPDATE of 0', [h2.windowUpdate(0, 0)], 'h2.window-overflow'],
  ['H2-25: window above 2^31-1', [h2.windowUpdate(0, 0x7fff_ffff)], 'h2.window-overflow'],
  ['H2-27: even stream', [headers(2, get)], 'h2.bad-stream-id'],
  ['H2-27: DATA on an idle stream', [data(7, 'x')], 'h2.idle-stream'],
  ['H2-27: PUSH_PROMISE', [frame(FrameType.pushPromise, 4, 1, '\0\0\0\x02')], 'h2.push-promise'],
  ['H2-29: window of 2^31', [h2.settings([4, 0x8000_0000])], 'h2.bad-settings'],
  ['H2-29: frame size of 2^24', [h2.settings([5, 0x100_0000])], 'h2.bad-settings'],
];

/** The rows of the catalogue that refuse something, as frames. */
export const badInputs: readonly BadInput[] = [
  ...heads.map(([name, frames, answer, reason]) => ({ name, frames, answer, reason })),
  ...late.map(([name, frames, answer, reason]) => ({ name, frames, answer, reason, late: true })),
  ...connections.map(([name, frames, reason]) => ({ name, frames, answer: 'go-away' as const, reason })),
];
