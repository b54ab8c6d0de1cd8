import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ErrorCode } from '../../sidecar/http2/protocol.ts';
import { Http2Server, responseHead } from '../harness/http2-codec.ts';
import * as h2 from '../harness/http2-frames.ts';
import { Http2Peer } from '../harness/http2-peer.ts';

// What costs a client little and a server much: the codec at the edge, on a socket. GOAWAY always ends with the socket.

let server: Http2Server;
let client: Http2Peer;

beforeEach(async () => {
  server = await Http2Server.start(
    ({ ended, head, writer, resets }) => {
      if (!ended || resets.length > 0 || head.path === '/wait') return;
      const body = Buffer.alloc(head.path === '/large' ? 200_000 : 2, 'x');
      writer.head(responseHead(200, {}, body.length), false);
      writer.data(body, true);
    },
    { edge: true },
  );
  client = Http2Peer.connect(server.port);
});
afterEach(async () => {
  client.destroy();
  await server.close();
});

const wait = h2.changed(h2.get, { ':path': '/wait' });
const large = h2.changed(h2.get, { ':path': '/large' });

async function expectGoAway(code: number, reason: string): Promise<void> {
  expect(await client.goAway()).toBe(code);
  expect(server.refused.at(-1)).toBe(`0 ${reason}`);
  for (const codec of server.codecs) expect(codec.activeStreams).toBe(0);
}

test('H2-15: an entry of 3 KB that is referenced 4,000 times ends the connection', async () => {
  const entry = Buffer.concat([
    Buffer.from([0x40, 1, 0x78, 0x7f]),
    Buffer.from([0xb9, 0x16]),
    Buffer.alloc(3_000, 'v'),
  ]);
  const block = Buffer.concat([h2.block(h2.get), entry, Buffer.alloc(4_000, 0xbe)]);
  client.send(h2.headers(1, block));
  await expectGoAway(ErrorCode.enhanceYourCalm, 'h2.decoded-fields-too-large');
  expect(server.asked).toHaveLength(0);
});
test('H2-16: 12,000 references to an empty cookie end the connection', async () => {
  const entry = Buffer.from([0x60, 0x00]);
  const block = Buffer.concat([h2.block(h2.get), entry, Buffer.alloc(12_000, 0xbe)]);
  client.send(h2.headers(1, block));
  await expectGoAway(ErrorCode.enhanceYourCalm, 'h2.decoded-fields-too-large');
  expect(server.asked).toHaveLength(0);
});
test('H2-16: 1,001 empty cookies are answered with 431', async () => {
  client.send(h2.headers(1, Buffer.concat([h2.block(h2.get), Buffer.from([0x60, 0x00]), Buffer.alloc(1_000, 0xbe)])));
  await client.frame(h2.FrameType.headers, 1);
  expect(server.refused).toEqual(['431 h2.too-many-fields']);
});

test('H2-18: the ninth CONTINUATION ends the connection', async () => {
  client.send(h2.frame(h2.FrameType.headers, 0, 1, h2.block(h2.get)));
  for (let i = 0; i < 2_000; i++) client.send(h2.frame(h2.FrameType.continuation, 0, 1, h2.block([[`x-${i}`, 'y']])));
  await expectGoAway(ErrorCode.enhanceYourCalm, 'h2.too-many-continuations');
});
test('H2-18: a field block above 96 KiB ends the connection', async () => {
  client.send(h2.headers(1, Buffer.alloc(100_000)));
  await expectGoAway(ErrorCode.enhanceYourCalm, 'h2.too-many-continuations');
});

test.each([
  ['CONTINUATION without HEADERS', [h2.frame(h2.FrameType.continuation, h2.Flag.endHeaders, 1)]],
  ['a PING inside a block', [h2.frame(h2.FrameType.headers, 0, 1), h2.ping()]],
  ['DATA inside a block', [h2.frame(h2.FrameType.headers, 0, 1), h2.data(1, 'x')]],
  ['CONTINUATION of another stream', [h2.frame(h2.FrameType.headers, 0, 1), h2.frame(h2.FrameType.continuation, 4, 3)]],
])('H2-19: %s ends the connection', async (_, frames) => {
  client.send(...frames);
  await expectGoAway(ErrorCode.protocolError, 'h2.unexpected-frame');
});

test.each([
  ['an index of nothing', '80'],
  ['an index beyond the tables', 'ff00'],
  ['an endless integer', 'ffffffffffffffff7f'],
  ['a table size above the limit', '3fe21f'],
])('H2-20: %s ends the connection', async (_, hex) => {
  client.send(h2.headers(1, Buffer.from(hex, 'hex')));
  await expectGoAway(ErrorCode.compressionError, 'h2.compression-error');
});

test('H2-21: 20,000 requests that are reset at once: at most 1,000 are seen, and the connection ends', async () => {
  for (let i = 0; i < 20_000; i++) client.send(h2.headers(1 + 2 * i, wait), h2.rstStream(1 + 2 * i, ErrorCode.cancel));
  await expectGoAway(ErrorCode.enhanceYourCalm, 'h2.too-many-resets');
  expect(server.asked.length).toBeLessThanOrEqual(1_000);
  for (const { resets } of server.asked) expect(resets).toHaveLength(1);
});
test('H2-22: streams that we are made to reset count as well', async () => {
  for (let i = 0; i < 200; i++) client.send(h2.headers(1 + 2 * i, wait), h2.windowUpdate(1 + 2 * i, 0));
  await expectGoAway(ErrorCode.enhanceYourCalm, 'h2.too-many-invalid-frames');
  expect(server.asked.length).toBeLessThanOrEqual(20);
});

test.each([
  ['PING', h2.ping(), 'h2.too-many-control-frames'],
  ['SETTINGS', h2.settings([4, 65_535]), 'h2.too-many-control-frames'],
  ['SETTINGS acknowledgements', h2.settingsAck, 'h2.too-many-control-frames'],
])('H2-23: a flood of %s ends the connection', async (_, one, reason) => {
  client.send(...new Array<Buffer>(2_000).fill(one));
  await expectGoAway(ErrorCode.enhanceYourCalm, reason);
});
test('H2-23: two empty DATA frames in a row end the connection', async () => {
  client.send(h2.headers(1, h2.post, false), h2.data(1, ''), h2.data(1, ''));
  await expectGoAway(ErrorCode.enhanceYourCalm, 'h2.too-many-empty-frames');
});
test('L-31: a peer that makes us reply and does not read is given up', async () => {
  client.destroy();
  await server.close();
  server = await Http2Server.start(() => {}, { limits: { maxControlFrames: 1e9, highWatermark: 1_024 } });
  client = Http2Peer.connect(server.port);
  client.socket.pause();
  const pings = Buffer.concat(new Array<Buffer>(50_000).fill(h2.ping()));
  const timer = setInterval(() => client.socket.writableLength < 1e7 && client.send(pings), 5);
  await vi.waitFor(() => expect(server.refused).toEqual(['0 h2.reply-flood']), 10_000);
  clearInterval(timer);
});

test.each([
  ['PRIORITY', h2.priority(1), 'h2.too-many-idle-frames'],
  ['PRIORITY_UPDATE', h2.frame(0x10, 0, 0, '\0\0\0\x01u=1'), 'h2.too-many-idle-frames'],
  ['unknown frames', h2.frame(0xf0, 0xff, 7, 'x'), 'h2.too-many-idle-frames'],
  ['WINDOW_UPDATE', h2.windowUpdate(0, 1), 'h2.too-many-window-updates'],
])('H2-24: a flood of %s ends the connection within 1,000', async (_, one, reason) => {
  client.send(...new Array<Buffer>(1_000).fill(one));
  await expectGoAway(ErrorCode.enhanceYourCalm, reason);
});
test('H2-24: WINDOW_UPDATE frames for what was sent are no flood', async () => {
  client.send(h2.settings([4, 1_000]));
  for (let i = 0; i < 5; i++) {
    const stream = 1 + 2 * i;
    client.send(h2.headers(stream, large));
    const received = () => client.of(h2.FrameType.data, stream).reduce((sum, { payload }) => sum + payload.length, 0);
    let granted = 1_000;
    while (received() < 200_000) {
      await vi.waitFor(() => expect(received()).toBeGreaterThanOrEqual(Math.min(granted, 200_000)), { interval: 1 });
      granted += 8_000;
      client.send(h2.windowUpdate(stream, 8_000), h2.windowUpdate(0, 8_000));
    }
  }
  expect(server.refused).toEqual([]);
});

test('H2-25: WINDOW_UPDATE of 0 on the connection ends it', async () => {
  client.send(h2.windowUpdate(0, 0));
  await expectGoAway(ErrorCode.protocolError, 'h2.window-overflow');
});
test('H2-25: a connection window above 2^31-1 ends the connection', async () => {
  client.send(h2.windowUpdate(0, 0x7fff_ffff));
  await expectGoAway(ErrorCode.flowControlError, 'h2.window-overflow');
});

test('H2-26: a peer that opens no window gets no body, and its stream is reset after the flush time-out', async () => {
  client.destroy();
  await server.close();
  server = await Http2Server.start(
    ({ writer }) => {
      writer.head(responseHead(200), false);
      writer.data(Buffer.alloc(50_000), true);
    },
    { limits: { flushTimeoutMs: 150 } },
  );
  client = Http2Peer.connect(server.port, Buffer.concat([h2.connectionPreface, h2.settings([4, 1])]));
  client.send(h2.headers(1, h2.get), h2.settingsAck);
  expect(await client.reset(1)).toBe(ErrorCode.cancel);
  expect(client.of(h2.FrameType.data, 1)).toHaveLength(1);
  expect(server.asked[0]?.resets).toEqual(['local-reset h2.flush-timeout']);
  expect(server.codecs[0]?.activeStreams).toBe(0);
});

test.each([
  [
    'a frame above 16,384 bytes',
    [h2.headers(1, h2.post, false), h2.data(1, Buffer.alloc(16_385))],
    ErrorCode.frameSizeError,
    'h2.frame-size',
  ],
  ['an even stream', [h2.headers(2, h2.get)], ErrorCode.protocolError, 'h2.bad-stream-id'],
  ['a lower stream', [h2.headers(5, wait), h2.headers(3, h2.get)], ErrorCode.protocolError, 'h2.bad-stream-id'],
  ['DATA on an idle stream', [h2.data(7, 'x')], ErrorCode.protocolError, 'h2.idle-stream'],
  [
    'PUSH_PROMISE',
    [h2.headers(1, wait), h2.frame(h2.FrameType.pushPromise, 4, 1, '\0\0\0\x02')],
    ErrorCode.protocolError,
    'h2.push-promise',
  ],
  ['PING of seven bytes', [h2.ping('pingpin')], ErrorCode.frameSizeError, 'h2.frame-size'],
  ['SETTINGS on a stream', [h2.frame(h2.FrameType.settings, 0, 1)], ErrorCode.protocolError, 'h2.unexpected-frame'],
  [
    'padding longer than its frame',
    [h2.headers(1, h2.post, false), h2.frame(h2.FrameType.data, 8, 1, '\x05abc')],
    ErrorCode.protocolError,
    'h2.bad-padding',
  ],
])('H2-27: %s ends the connection', async (_, frames, code, reason) => {
  client.send(...frames);
  await expectGoAway(code, reason);
});
test('H2-27: a stream that was used already ends the connection', async () => {
  client.send(h2.headers(1, h2.get));
  await client.frame(h2.FrameType.data, 1);
  client.send(h2.headers(1, h2.get));
  await expectGoAway(ErrorCode.streamClosed, 'h2.stream-closed');
});

test('H2-28: past 100 streams there is REFUSED_STREAM, and then the end', async () => {
  client.send(h2.settingsAck);
  for (let i = 0; i < 10_000; i++) client.send(h2.headers(1 + 2 * i, wait));
  await expectGoAway(ErrorCode.enhanceYourCalm, 'h2.too-many-rejected-streams');
  expect(server.asked).toHaveLength(100);
  const refused = client.of(h2.FrameType.rstStream);
  expect(refused).toHaveLength(21);
  for (const { payload } of refused) expect(payload.readUInt32BE(0)).toBe(ErrorCode.refusedStream);
});

test.each([
  ['a window of 2^31', h2.settings([4, 0x8000_0000]), ErrorCode.flowControlError],
  ['a frame size of 2^24', h2.settings([5, 0x100_0000]), ErrorCode.protocolError],
  ['a frame size of 1', h2.settings([5, 1]), ErrorCode.protocolError],
  ['push of 2', h2.settings([2, 2]), ErrorCode.protocolError],
])('H2-29: %s in SETTINGS ends the connection', async (_, frame, code) => {
  client.send(frame);
  await expectGoAway(code, 'h2.bad-settings');
});
test('H2-29: a table size of 2^32-1 is taken for 4 KiB', async () => {
  client.send(h2.settings([1, 0xffff_ffff]), h2.headers(1, h2.get));
  const { payload } = await client.frame(h2.FrameType.headers, 1);
  // No size update: the encoder stays at what it has.
  expect(payload[0]! & 0xe0).not.toBe(0x20);
});

test('H2-36: data that nobody takes stays within the stream window', async () => {
  client.destroy();
  await server.close();
  server = await Http2Server.start(({ writer }) => writer.pauseReading());
  client = Http2Peer.connect(server.port);
  client.send(h2.settingsAck, h2.headers(1, h2.post, false));
  for (let i = 0; i < 4; i++) client.send(h2.data(1, Buffer.alloc(16_384, 'x')));
  client.send(h2.ping());
  await client.frame(h2.FrameType.ping);
  expect(client.of(h2.FrameType.windowUpdate, 1)).toHaveLength(0);
  client.send(h2.data(1, 'one more'));
  expect(await client.reset(1)).toBe(ErrorCode.flowControlError);
  expect(server.refused).toEqual(['0 h2.stream-window-exceeded']);
});
test('H2-36: all that is held on one connection stays within 4 MiB, and the connection window within 1 MiB of it', async () => {
  client.destroy();
  await server.close();
  server = await Http2Server.start(({ writer }) => writer.pauseReading(), { limits: { maxControlFrames: 1e6 } });
  client = Http2Peer.connect(server.port);
  client.send(h2.settingsAck);
  let granted = 65_535;
  let sent = 0;
  // As much as the windows let through, on as many streams as it takes.
  let stalls = 0;
  for (let stream = 1; stalls < 3; stream += 2) {
    const before = sent;
    client.send(h2.headers(stream, h2.post, false));
    for (let i = 0; i < 4; i++) {
      granted =
        65_535 + client.of(h2.FrameType.windowUpdate, 0).reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 0);
      if (granted - sent < 16_384) break;
      sent += 16_384;
      client.send(h2.data(stream, Buffer.alloc(16_384)));
    }
    client.send(h2.ping());
    await vi.waitFor(() => expect(client.of(h2.FrameType.ping).length).toBeGreaterThan(0), { interval: 1 });
    client.frames.splice(0, client.frames.length, ...client.of(h2.FrameType.windowUpdate));
    stalls = sent === before ? stalls + 1 : 0;
  }
  expect(server.refused).toEqual([]);
  expect(sent).toBeGreaterThan(2 * 1024 * 1024);
  expect(sent).toBeLessThanOrEqual(4 * 1024 * 1024);
});
