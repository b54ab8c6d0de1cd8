import dgram from 'node:dgram';
import { once } from 'node:events';
import { onTestFinished } from 'vitest';

export interface DnsQuestion {
  readonly name: string;
  /** 1 is A, 28 is AAAA. */
  readonly type: number;
}

/** What a scripted name server says: records, an error code, something else altogether, or nothing. */
export type DnsAnswer =
  | { readonly addresses: readonly string[]; readonly ttl?: number }
  | { readonly cname: string }
  | { readonly code: 'servfail' | 'nxdomain' }
  | { readonly raw: Buffer }
  | undefined;

const codes = { servfail: 2, nxdomain: 3 } as const;

/** A name server on loopback that answers as the test says. */
export class DnsServer {
  readonly questions: DnsQuestion[] = [];
  answer: (question: DnsQuestion) => DnsAnswer;
  readonly #socket = dgram.createSocket('udp4');

  private constructor(answer: (question: DnsQuestion) => DnsAnswer) {
    this.answer = answer;
    this.#socket.on('message', (query, from) => {
      const { question, end } = readQuestion(query);
      this.questions.push(question);
      const answered = this.answer(question);
      if (answered === undefined) return;
      const bytes = 'raw' in answered ? answered.raw : reply(query.subarray(0, end), question, answered);
      this.#socket.send(bytes, from.port, from.address);
    });
  }

  static async start(answer: (question: DnsQuestion) => DnsAnswer): Promise<DnsServer> {
    const server = new DnsServer(answer);
    server.#socket.bind(0, '127.0.0.1');
    await once(server.#socket, 'listening');
    onTestFinished(() => void server.#socket.close());
    return server;
  }

  /** As a resolver takes it. */
  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`;
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
    const owner = encodeName(name);
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
