import net, { type AddressInfo, type Socket } from 'node:net';
import { vi } from 'vitest';
import { type Frame, FrameType, greeting, readFrames, settings, settingsAck } from './http2-frames.ts';

/** One end of an HTTP/2 connection on a bare socket: sends what the test says, keeps the frames that come. */
export class Http2Peer {
  readonly frames: Frame[] = [];
  readonly socket: Socket;
  closed = false;
  #rest: Buffer = Buffer.alloc(0);
  #prefaceLeft: number;

  constructor(socket: Socket, prefaceBytes = 0) {
    this.socket = socket;
    this.#prefaceLeft = prefaceBytes;
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
    });
  }

  /** A client that has greeted. */
  static connect(port: number, start: Buffer = greeting): Http2Peer {
    const raw = new Http2Peer(net.connect(port, '127.0.0.1'));
    raw.send(start);
    return raw;
  }

  send(...parts: Buffer[]): this {
    this.socket.write(Buffer.concat(parts));
    return this;
  }

  of(type: number, stream?: number): Frame[] {
    return this.frames.filter((frame) => frame.type === type && (stream === undefined || frame.stream === stream));
  }

  /** Waits for a frame. */
  async frame(type: number, stream?: number): Promise<Frame> {
    return await vi.waitFor(
      () => {
        const found = this.of(type, stream)[0];
        if (found === undefined) throw new Error(`no frame of type ${type}; got ${this.summary}`);
        return found;
      },
      { timeout: 5_000, interval: 5 },
    );
  }

  /** The code of the RST_STREAM of `stream`. */
  async reset(stream: number): Promise<number> {
    return (await this.frame(FrameType.rstStream, stream)).payload.readUInt32BE(0);
  }

  /** The code of GOAWAY, after which the socket must close. */
  async goAway(): Promise<number> {
    const { payload } = await this.frame(FrameType.goAway);
    await vi.waitFor(
      () => {
        if (!this.closed) throw new Error('GOAWAY came, and the socket stays open');
      },
      { timeout: 5_000, interval: 5 },
    );
    return payload.readUInt32BE(4);
  }

  get summary(): string {
    return this.frames.map(({ type, stream, payload }) => `${type}/${stream}/${payload.length}`).join(' ');
  }

  destroy(): void {
    this.socket.destroy();
  }

  #take(chunk: Buffer): void {
    let bytes = chunk;
    if (this.#prefaceLeft > 0) {
      const skipped = Math.min(this.#prefaceLeft, bytes.length);
      this.#prefaceLeft -= skipped;
      bytes = bytes.subarray(skipped);
    }
    const { frames, rest } = readFrames(Buffer.concat([this.#rest, bytes]));
    this.#rest = rest;
    this.frames.push(...frames);
  }
}

/** A server that speaks raw frames; each connection is given to `serve` after its SETTINGS are acknowledged. */
export async function serveHttp2Peer(
  serve: (raw: Http2Peer) => void,
  start: Buffer = settings(),
): Promise<{ port: number; connections: Http2Peer[]; close(): Promise<void> }> {
  const connections: Http2Peer[] = [];
  const server = net.createServer((socket) => {
    const raw = new Http2Peer(socket, 24);
    connections.push(raw);
    raw.send(start, settingsAck);
    serve(raw);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    connections,
    close: async () => {
      for (const raw of connections) raw.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
