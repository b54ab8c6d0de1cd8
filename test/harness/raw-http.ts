import { once } from 'node:events';
import net, { type Socket } from 'node:net';
import { type RawResponse, readResponse } from './raw-response.ts';

/** A client that writes bytes, whatever they are, and keeps what comes back. Text is latin1. */
export class RawClient {
  readonly socket: Socket;
  received = '';
  /** The peer's FIN has come. */
  ended = false;
  /** `ECONNRESET` and the like. */
  error: string | undefined;
  closed = false;
  #read = 0;
  #wake: (() => void)[] = [];

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.received += chunk.toString('latin1');
      this.#notify();
    });
    socket.on('end', () => {
      this.ended = true;
      this.#notify();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.error = error.code ?? error.message;
    });
    socket.on('close', () => {
      this.closed = true;
      this.#notify();
    });
  }

  static async connect(port: number, options: { allowHalfOpen?: boolean } = {}): Promise<RawClient> {
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true, ...options });
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  /** Takes over a socket that is connected or about to be, over TLS for example. */
  static over(socket: Socket): RawClient {
    return new RawClient(socket);
  }

  send(text: string): this {
    if (!this.socket.destroyed && this.socket.writable) this.socket.write(text, 'latin1');
    return this;
  }

  /** Sends each piece in a turn of its own, so that the peer reads them apart. Stops when the peer has ended. */
  async sendApart(pieces: readonly string[]): Promise<this> {
    for (const piece of pieces) {
      if (this.ended || this.closed) break;
      this.send(piece);
      await nextTurn();
      await nextTurn();
    }
    return this;
  }

  fin(): this {
    this.socket.end();
    return this;
  }

  reset(): void {
    this.socket.resetAndDestroy();
  }

  /** The next response. Fails when the connection ends before it is complete, unless its end is the connection's. */
  async response(method = 'GET'): Promise<RawResponse> {
    for (;;) {
      const response = readResponse(this.received, this.#read, method, this.ended);
      if (response !== undefined) {
        this.#read = response.end;
        return response;
      }
      if (this.ended || this.closed) {
        throw new Error(`no response: ${this.error ?? 'FIN'} after ${JSON.stringify(this.received.slice(this.#read))}`);
      }
      await this.#change();
    }
  }

  /** What came behind the responses read so far. */
  get rest(): string {
    return this.received.slice(this.#read);
  }

  /** Waits until `condition` holds for what was received; fails when the connection ends before. */
  async until(condition: (received: string) => boolean): Promise<void> {
    while (!condition(this.received)) {
      if (this.closed) throw new Error(`closed after ${JSON.stringify(this.received.slice(0, 500))}`);
      await this.#change();
    }
  }

  /** Waits until what was received matches, and gives it. */
  async see(pattern: RegExp): Promise<string> {
    await this.until((received) => pattern.test(received));
    return this.received;
  }

  /** Waits for the peer's end of the connection, in whatever way: `fin` or the code of the error. */
  async end(): Promise<string> {
    while (!this.ended && !this.closed) await this.#change();
    return this.ended ? 'fin' : (this.error ?? 'close');
  }

  /** Lets go of the connection. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.socket.destroy();
    while (!this.closed) await this.#change();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve));
  }

  #notify(): void {
    for (const resolve of this.#wake.splice(0)) resolve();
  }
}

/** After the sockets of this process have been looked at once. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** What one connection brought: all bytes, and how it ended. */
export interface Exchange {
  readonly text: string;
  /** `fin`, or the code of an error. */
  readonly end: string;
}

/** Sends `pieces` apart from one another and collects everything until the peer ends the connection. */
export async function exchange(port: number, pieces: readonly string[]): Promise<Exchange> {
  const client = await RawClient.connect(port);
  await client.sendApart(pieces);
  const end = await client.end();
  await client.close();
  return { text: client.received, end };
}

/** One request over a connection of its own, which is closed afterwards. */
export async function ask(port: number, request: string): Promise<RawResponse> {
  const client = await RawClient.connect(port);
  client.send(request);
  const response = await client.response(request.slice(0, request.indexOf(' ')));
  await client.close();
  return response;
}
