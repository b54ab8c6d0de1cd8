import { connectionPreface, Flag, FrameType } from '../../sidecar/http2/protocol.ts';

// HTTP/2 frames as a test writes and reads them: simply, and independent of the codec's own reader and writer.

export interface Frame {
  type: number;
  flags: number;
  stream: number;
  payload: Buffer;
}

export { connectionPreface, Flag, FrameType };

export function frame(type: number, flags: number, stream: number, payload: Buffer | string = ''): Buffer {
  const body = typeof payload === 'string' ? Buffer.from(payload, 'latin1') : payload;
  const head = Buffer.alloc(9);
  head.writeUIntBE(body.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, body]);
}

export function settings(...pairs: [number, number][]): Buffer {
  const payload = Buffer.alloc(pairs.length * 6);
  for (const [at, [id, value]] of pairs.entries()) {
    payload.writeUInt16BE(id, at * 6);
    payload.writeUInt32BE(value, at * 6 + 2);
  }
  return frame(FrameType.settings, 0, 0, payload);
}

export const settingsAck = frame(FrameType.settings, Flag.ack, 0);

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export const windowUpdate = (stream: number, increment: number) =>
  frame(FrameType.windowUpdate, 0, stream, word(increment));
export const rstStream = (stream: number, code: number) => frame(FrameType.rstStream, 0, stream, word(code));
export const ping = (payload = 'pingping') => frame(FrameType.ping, 0, 0, payload);
export const goAway = (last: number, code: number) =>
  frame(FrameType.goAway, 0, 0, Buffer.concat([word(last), word(code)]));
export const data = (stream: number, payload: Buffer | string, end = false) =>
  frame(FrameType.data, end ? Flag.endStream : 0, stream, payload);
export const priority = (stream: number, on = 0) =>
  frame(FrameType.priority, 0, stream, Buffer.concat([word(on), Buffer.from([16])]));

function integer(prefix: number, mask: number, value: number): Buffer {
  if (value < mask) return Buffer.from([prefix | value]);
  const bytes = [prefix | mask];
  let rest = value - mask;
  while (rest >= 0x80) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  return Buffer.from([...bytes, rest]);
}

/** A field block of literals that change no table. */
export function block(fields: readonly (readonly [string, string])[]): Buffer {
  return Buffer.concat(
    fields.flatMap(([name, value]) => {
      const [rawName, rawValue] = [Buffer.from(name, 'latin1'), Buffer.from(value, 'latin1')];
      return [Buffer.from([0]), integer(0, 0x7f, rawName.length), rawName, integer(0, 0x7f, rawValue.length), rawValue];
    }),
  );
}

export const get: readonly (readonly [string, string])[] = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':path', '/'],
  [':authority', 'a.test'],
];
export const post: readonly (readonly [string, string])[] = [[':method', 'POST'], ...get.slice(1)];

/** `fields` with some of them replaced (by name) or, for undefined, left out. */
export function changed(
  fields: readonly (readonly [string, string])[],
  changes: Record<string, string | undefined>,
): [string, string][] {
  return fields.flatMap(([name, value]): [string, string][] => {
    if (!(name in changes)) return [[name, value]];
    const next = changes[name];
    return next === undefined ? [] : [[name, next]];
  });
}

/** HEADERS, and CONTINUATION where the block needs it. */
export function headers(stream: number, fields: readonly (readonly [string, string])[] | Buffer, end = true): Buffer {
  const payload = Buffer.isBuffer(fields) ? fields : block(fields);
  const parts: Buffer[] = [];
  for (let at = 0; at === 0 || at < payload.length; at += 16_384) {
    const type = at === 0 ? FrameType.headers : FrameType.continuation;
    const flags = (at === 0 && end ? Flag.endStream : 0) | (at + 16_384 >= payload.length ? Flag.endHeaders : 0);
    parts.push(frame(type, flags, stream, payload.subarray(at, at + 16_384)));
  }
  return Buffer.concat(parts);
}

/** What a client starts with. */
export const greeting = Buffer.concat([connectionPreface, settings()]);

/** Whole frames at the start of `bytes`, and what is left. */
export function readFrames(bytes: Buffer): { frames: Frame[]; rest: Buffer } {
  const frames: Frame[] = [];
  let at = 0;
  while (bytes.length - at >= 9) {
    const length = bytes.readUIntBE(at, 3);
    if (bytes.length - at < 9 + length) break;
    frames.push({
      type: bytes[at + 3] as number,
      flags: bytes[at + 4] as number,
      stream: bytes.readUInt32BE(at + 5),
      payload: bytes.subarray(at + 9, at + 9 + length),
    });
    at += 9 + length;
  }
  return { frames, rest: bytes.subarray(at) };
}
