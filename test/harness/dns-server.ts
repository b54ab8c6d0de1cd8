import dgram from 'node:dgram';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export interface DnsQuestion {
  readonly name: string;
  /** 1 is A, 28 is AAAA. */
  readonly type: number;
}

/** What a scripted name server says: records, an error code, something else altogether, or nothing. */
export type DnsAnswer =
  | {
      readonly addresses: readonly string[];
      readonly ttl?: number;
      /** Whose addresses they are. Default: of the name that is asked for. */
      readonly owner?: string;
      /** The name asked for is an alias of this one. */
      readonly alias?: string;
    }
  | { readonly cname: string }
  | { readonly code: 'servfail' | 'nxdomain' }
  | { readonly raw: Buffer }
  | undefined;

const codes = { servfail: 2, nxdomain: 3 } as const;

/** What fits a datagram; the rest goes by TCP. */
const maxDatagramBytes = 512;

/** A name server on loopback that answers as the test says, by UDP and TCP. */
export class DnsServer {
  readonly questions: DnsQuestion[] = [];
  answer: (question: DnsQuestion) => DnsAnswer;
  readonly #udp = dgram.createSocket('udp4');
  readonly #tcp = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (query) => {
      const bytes = this.#reply(query.subarray(2));
      if (bytes === undefined) return;
      const size = Buffer.alloc(2);
      size.writeUInt16BE(bytes.length);
      socket.end(Buffer.concat([size, bytes]));
    });
  });

  private constructor(answer: (question: DnsQuestion) => DnsAnswer) {
    this.answer = answer;
    this.#udp.on('message', (query, from) => {
      const bytes = this.#reply(query);
      if (bytes === undefined) return;
      const fits = bytes.length <= maxDatagramBytes;
      if (!fits) bytes.writeUInt16BE(bytes.readUInt16BE(2) | 0x0200, 2);
      this.#udp.send(fits ? bytes : bytes.subarray(0, maxDatagramBytes), from.port, from.address);
    });
  }

  #reply(query: Buffer): Buffer | undefined {
    const { question, end } = readQuestion(query);
    this.questions.push(question);
    const answered = this.answer(question);
    if (answered === undefined) return undefined;
    return 'raw' in answered ? answered.raw : reply(query.subarray(0, end), question, answered);
  }

  static async start(answer: (question: DnsQuestion) => DnsAnswer): Promise<DnsServer> {
    const server = new DnsServer(answer);
    for (;;) {
      server.#tcp.listen(0, '127.0.0.1');
      await once(server.#tcp, 'listening');
      const { port } = server.#tcp.address() as AddressInfo;
      server.#udp.bind(port, '127.0.0.1');
      const isBound = await once(server.#udp, 'listening').then(
        () => true,
        () => false,
      );
      if (isBound) break;
      // Somebody has the port for UDP.
      server.#tcp.close();
      await once(server.#tcp, 'close');
    }
    onTestFinished(() => {
      server.#udp.close();
      server.#tcp.close();
    });
    return server;
  }

  /** As a resolver takes it. */
  get address(): string {
    return `127.0.0.1:${this.#udp.address().port}`;
  }
}

function readQuestion(query: Buffer): { question: DnsQuestion; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] as number; length > 0; length = query[at] as number) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { question: { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1) }, end: at + 5 };
}

function encodeName(name: string): Buffer {
  const labels = name
    .split('.')
    .map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'latin1')]));
  return Buffer.concat([...labels, Buffer.from([0])]);
}

function record(owner: Buffer, type: number, ttl: number, data: Buffer): Buffer {
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(type, 0);
  fixed.writeUInt16BE(1, 2);
  fixed.writeUInt32BE(ttl, 4);
  fixed.writeUInt16BE(data.length, 8);
  return Buffer.concat([owner, fixed, data]);
}

function reply(
  asked: Buffer,
  { name, type }: DnsQuestion,
  answer: Exclude<DnsAnswer, { raw: Buffer } | undefined>,
): Buffer {
  const header = Buffer.from(asked);
  const records: Buffer[] = [];
  if ('addresses' in answer) {
    const { alias } = answer;
    if (alias !== undefined) records.push(record(encodeName(name), 5, 60, encodeName(alias)));
    const owner = encodeName(answer.owner ?? alias ?? name);
    for (const address of answer.addresses) {
      if (address.includes(':') !== (type === 28)) continue;
      const data = address.includes(':')
        ? Buffer.from(address.replaceAll(':', ''), 'hex')
        : Buffer.from(address.split('.').map(Number));
      records.push(record(owner, type, answer.ttl ?? 60, data));
    }
  } else if ('cname' in answer) {
    records.push(record(encodeName(name), 5, 60, encodeName(answer.cname)));
  }
  header.writeUInt16BE(0x8180 | ('code' in answer ? codes[answer.code] : 0), 2);
  header.writeUInt16BE(records.length, 6);
  header.writeUInt32BE(0, 8);
  return Buffer.concat([header, ...records]);
}
