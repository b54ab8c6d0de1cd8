import type net from 'node:net';
import { tcpServer } from './data-path.ts';
import { connectionPreface, type Frame, FrameType, frame, readFrames, settings, settingsAck } from './http2-frames.ts';

/** `:status: 200` without a body. */
export const okResponse = (stream: number): Buffer => frame(FrameType.headers, 0x5, stream, Buffer.from([0x88]));

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
    let rest: Buffer = Buffer.alloc(0);
    let prefaceSeen = false;
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      if (!prefaceSeen && rest.length < connectionPreface.length) return;
      const read = readFrames(prefaceSeen ? rest : rest.subarray(connectionPreface.length));
      prefaceSeen = true;
      rest = read.rest;
      for (const seen of read.frames) {
        if (seen.type !== FrameType.settings) onFrame(seen, connection);
        else if (seen.flags === 0) connection.send(settingsAck);
      }
    });
  });
}
