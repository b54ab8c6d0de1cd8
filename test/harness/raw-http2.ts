import type net from 'node:net';
import { tcpServer } from './data-path.ts';

/** Frame types (RFC 9113 §6). */
export const frameType = {
  data: 0,
  headers: 1,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
} as const;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export const settings = (values: Readonly<Record<number, number>> = {}): Buffer => {
  const pairs = Object.entries(values).map(([id, value]) => {
    const pair = Buffer.alloc(6);
    pair.writeUInt16BE(Number(id), 0);
    pair.writeUInt32BE(value, 2);
    return pair;
  });
  return frame(frameType.settings, 0, 0, Buffer.concat(pairs));
};

export const goAway = (lastStream: number, code = 0): Buffer => {
  const payload = Buffer.alloc(8);
  payload.writeUInt32BE(lastStream, 0);
  payload.writeUInt32BE(code, 4);
  return frame(frameType.goAway, 0, 0, payload);
};

export const rstStream = (stream: number, code: number): Buffer => {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(code, 0);
  return frame(frameType.rstStream, 0, stream, payload);
};

/** Asks for an answer, which comes when all frames before it have been read. */
export const ping = (): Buffer => frame(frameType.ping, 0, 0, Buffer.alloc(8));

/** `:status: 200` without a body. */
export const okResponse = (stream: number): Buffer => frame(frameType.headers, 0x5, stream, Buffer.from([0x88]));

/** One connection of a {@link rawHttp2Server}. */
export interface RawConnection {
  /** From 0, in the order of accepting. */
  readonly index: number;
  readonly socket: net.Socket;
  send(...frames: readonly Buffer[]): void;
}

/**
 * A server that answers the preface and SETTINGS by the book and leaves every other frame to the test, so that it can
 * do what no library would.
 */
export function rawHttp2Server(
  onFrame: (frame: Frame, connection: RawConnection) => void,
  own: Buffer = settings(),
): Promise<number> {
  let count = 0;
  return tcpServer((socket) => {
    const connection = {
      index: count++,
      socket,
      send: (...frames: readonly Buffer[]) => void socket.write(Buffer.concat(frames)),
    };
    connection.send(own);
    let bytes = Buffer.alloc(0);
    let prefaceSeen = false;
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      if (!prefaceSeen && bytes.length >= 24) {
        prefaceSeen = true;
        bytes = bytes.subarray(24);
      }
      while (prefaceSeen && bytes.length >= 9 && bytes.length >= 9 + bytes.readUIntBE(0, 3)) {
        const length = bytes.readUIntBE(0, 3);
        const seen = {
          type: bytes.readUInt8(3),
          flags: bytes.readUInt8(4),
          stream: bytes.readUInt32BE(5),
          payload: bytes.subarray(9, 9 + length),
        };
        bytes = bytes.subarray(9 + length);
        if (seen.type === frameType.settings) {
          if (seen.flags === 0) connection.send(frame(frameType.settings, 1, 0));
        } else onFrame(seen, connection);
      }
    });
  });
}
