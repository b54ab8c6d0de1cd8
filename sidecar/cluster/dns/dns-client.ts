import { randomInt } from 'node:crypto';
import dgram from 'node:dgram';
import net, { isIP } from 'node:net';
import { type AddressRecords, type AddressType, type DnsReply, readReply, writeQuestion } from './dns-message.ts';

export interface DnsClientOptions {
  /** `address` or `address:port`, in the order in which they are asked. */
  readonly servers: readonly string[];
  /** For a reply of one server, in milliseconds. Each is asked twice. */
  readonly timeoutMs: number;
}

export type DnsAnswer =
  | { readonly ok: true; readonly records: AddressRecords }
  | { readonly ok: false; readonly reason: string };

interface Server {
  readonly address: string;
  readonly port: number;
}

const rounds = 2;

/**
 * Asks name servers for addresses: by a datagram, and where the answer does not fit into one, by TCP. Every question
 * has a socket and a number of its own, which nobody on another path can guess both of (RFC 5452). Node's own resolver
 * takes addresses of other names for an answer, and the system's keeps one of four threads busy.
 */
export class DnsClient {
  readonly #servers: readonly Server[];
  readonly #timeoutMs: number;

  constructor({ servers, timeoutMs }: DnsClientOptions) {
    this.#servers = servers.map(serverOf);
    this.#timeoutMs = timeoutMs;
  }

  /** Never rejects. */
  async ask(name: string, type: AddressType): Promise<DnsAnswer> {
    const id = randomInt(0x1_0000);
    const question = writeQuestion(id, name, type);
    if (question === undefined) return { ok: false, reason: 'not a host name' };
    const read = (bytes: Buffer) => readReply(bytes, id, name, type);
    let reason = 'there is no name server';
    for (let round = 0; round < rounds; round++) {
      for (const server of this.#servers) {
        let reply = await exchange(overUdp(server, question), read, this.#timeoutMs);
        if (reply.kind === 'truncated') reply = await exchange(overTcp(server, question), read, this.#timeoutMs);
        if (reply.kind === 'records') return { ok: true, records: reply.records };
        if (reply.kind === 'none') return { ok: false, reason: reply.reason };
        reason = reply.kind === 'failed' ? reply.reason : 'malformed';
      }
    }
    return { ok: false, reason };
  }
}

/** Listens on a way to a server until told to close it. */
type Way = (onMessage: (bytes: Buffer) => void, onError: (reason: string) => void) => () => void;

function exchange(way: Way, read: (bytes: Buffer) => DnsReply, timeoutMs: number): Promise<DnsReply> {
  return new Promise((resolve) => {
    const finish = (reply: DnsReply): void => {
      clearTimeout(timer);
      close();
      resolve(reply);
    };
    const timer = setTimeout(() => finish({ kind: 'failed', reason: 'no answer' }), timeoutMs);
    const close = way(
      (bytes) => {
        const reply = read(bytes);
        if (reply.kind !== 'foreign') finish(reply);
      },
      (reason) => finish({ kind: 'failed', reason }),
    );
  });
}

function overUdp({ address, port }: Server, question: Buffer): Way {
  return (onMessage, onError) => {
    const socket = dgram.createSocket(isIP(address) === 6 ? 'udp6' : 'udp4');
    let isOpen = true;
    socket.on('message', (bytes) => isOpen && onMessage(bytes));
    socket.on('error', (error: NodeJS.ErrnoException) => isOpen && onError(error.code ?? error.message));
    // Connected, so that the kernel passes on what this server says and nobody else.
    socket.connect(port, address, () => isOpen && socket.send(question));
    return () => {
      isOpen = false;
      socket.close();
    };
  };
}

function overTcp({ address, port }: Server, question: Buffer): Way {
  return (onMessage, onError) => {
    const size = Buffer.alloc(2);
    size.writeUInt16BE(question.length);
    const socket = net.connect({ host: address, port });
    let received = Buffer.alloc(0);
    socket.write(Buffer.concat([size, question]));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 2) return;
      const end = 2 + received.readUInt16BE(0);
      if (received.length >= end) onMessage(received.subarray(2, end));
    });
    socket.on('error', (error: NodeJS.ErrnoException) => onError(error.code ?? error.message));
    socket.on('end', () => onError('closed'));
    return () => {
      socket.removeAllListeners();
      socket.on('error', () => {});
      socket.destroy();
    };
  };
}

function serverOf(text: string): Server {
  if (isIP(text) > 0) return { address: text, port: 53 };
  const colon = text.lastIndexOf(':');
  return { address: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) };
}
