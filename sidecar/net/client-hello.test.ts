import net from 'node:net';
import tls from 'node:tls';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { ClientHelloReader, type ClientHelloResult, canonicalServerName } from './client-hello.ts';

/** A ClientHello as OpenSSL writes it. */
async function realHello(options: tls.ConnectionOptions): Promise<Buffer> {
  return await new Promise((resolve) => {
    const server = net.createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', (chunk: Buffer) => resolve(chunk));
    });
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo;
      const client = tls.connect({ port, host: '127.0.0.1', ...options });
      client.on('error', () => {});
      onTestFinished(() => {
        client.destroy();
        server.close();
      });
    });
  });
}

function u16(value: number): number[] {
  return [value >> 8, value & 0xff];
}

/** A ClientHello whose server name is these bytes. */
function hello(serverName: Uint8Array, more: readonly number[] = []): Buffer {
  const names = [0, ...u16(serverName.length), ...serverName];
  const sni = [...u16(0), ...u16(names.length + 2), ...u16(names.length), ...names];
  const extensions = [...sni, ...more];
  const body = [3, 3, ...new Uint8Array(32), 0, ...u16(2), 0x13, 0x01, 1, 0, ...u16(extensions.length), ...extensions];
  const message = [1, 0, ...u16(body.length), ...body];
  return Buffer.from([0x16, 3, 1, ...u16(message.length), ...message]);
}

function read(bytes: Buffer, step = bytes.length): ClientHelloResult {
  const reader = new ClientHelloReader();
  for (let at = 0; at < bytes.length; at += step) {
    const result = reader.push(bytes.subarray(at, at + step));
    if (result.kind !== 'more') return result;
  }
  return { kind: 'more' };
}

const named = (name: string) => read(hello(Buffer.from(name, 'latin1')));

test('TLS-24: upper case and a trailing dot are made canonical; an address is no name; no name is none', async () => {
  expect(named('Shop.EXAMPLE.')).toMatchObject({ kind: 'hello', hello: { serverName: 'shop.example' } });
  expect(named('10.0.0.1')).toMatchObject({ kind: 'hello', hello: { serverName: undefined } });
  expect(read(await realHello({}))).toMatchObject({ kind: 'hello', hello: { serverName: undefined } });
});

test('TLS-24: a NUL, 300 bytes, an empty name and other bytes are refused with unrecognized_name', () => {
  const names = [
    'a\0.example',
    'x'.repeat(300),
    '',
    '.',
    'a..b',
    'ä.example',
    '-a.example',
    'a b',
    '*.example',
    '../x',
  ];
  for (const name of names) {
    expect([name, named(name)]).toMatchObject([
      name,
      { kind: 'invalid', reason: 'tls.invalid-server-name', alert: 112 },
    ]);
  }
});

test('names and ALPN of a real client are read, whole and in single bytes', async () => {
  const bytes = await realHello({ servername: 'web.shop.example', ALPNProtocols: ['h2', 'http/1.1'] });
  const expected = { kind: 'hello', hello: { serverName: 'web.shop.example', alpnProtocols: ['h2', 'http/1.1'] } };
  expect(read(bytes)).toEqual(expected);
  expect(read(bytes, 1)).toEqual(expected);
});

test('a ClientHello in many records is put together', () => {
  const whole = hello(Buffer.from('a.example'));
  const message = whole.subarray(5);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += 3) {
    const part = message.subarray(at, at + 3);
    records.push(Buffer.from([0x16, 3, 1, 0, part.length]), part);
  }
  const expected = { kind: 'hello', hello: { serverName: 'a.example', alpnProtocols: [] } };
  expect(read(Buffer.concat(records))).toEqual(expected);
  expect(read(Buffer.concat(records), 7)).toEqual(expected);
});

test('TLS-26: more than 16 KiB are refused as soon as the length says so', () => {
  const padding = [...u16(21), ...u16(16_400), ...new Uint8Array(16_400)];
  const long = hello(Buffer.from('a.example'), padding);
  expect(read(long, 1_000)).toMatchObject({ kind: 'invalid', reason: 'tls.client-hello-too-long' });
  expect(new ClientHelloReader().push(long.subarray(0, 4))).toEqual({ kind: 'more' });
  expect(new ClientHelloReader().push(Buffer.from([0x16, 3, 1, 0x3f, 0xff]))).toMatchObject({ kind: 'invalid' });
});

test('lengths that lie, records of another kind and extensions given twice are refused', () => {
  const good = hello(Buffer.from('a.example'));
  const lying = Buffer.from(good);
  lying[lying.length - 10] = 200;
  const cases = [
    lying,
    Buffer.from([0x16, 2, 0, 0, 1, 1]),
    Buffer.from([0x16, 3, 1, 0, 0]),
    Buffer.concat([Buffer.from([0x16, 3, 1, 0, 1, 1]), Buffer.from([0x17, 3, 1, 0, 1, 0])]),
    Buffer.from([0x16, 3, 1, 0, 4, 2, 0, 0, 0]),
    hello(Buffer.from('a.example'), [...u16(0), ...u16(0)]),
  ];
  for (const bytes of cases) expect(read(bytes)).toMatchObject({ kind: 'invalid' });
});

test('no bytes whatsoever make the reader throw or hold more than its limit', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 600 }), { maxLength: 60 }), (chunks) => {
      const reader = new ClientHelloReader();
      let bytes = 0;
      for (const chunk of [Uint8Array.of(0x16, 3, 1), ...chunks]) {
        bytes += chunk.length;
        if (reader.push(Buffer.from(chunk)).kind !== 'more') return;
      }
      expect(bytes).toBeLessThan(18_000);
    }),
  );
  fc.assert(
    fc.property(fc.nat(), fc.uint8Array({ maxLength: 8 }), (place, changed) => {
      const bytes = hello(Buffer.from('a.example'));
      bytes.set(
        changed.subarray(0, Math.min(changed.length, bytes.length - (place % bytes.length))),
        place % bytes.length,
      );
      read(bytes, 5);
    }),
  );
});

test('a canonical name is its own canonical name', () => {
  fc.assert(
    fc.property(fc.domain(), (domain) => {
      const name = canonicalServerName(domain);
      if (name !== undefined) expect(canonicalServerName(name)).toBe(name);
    }),
  );
});
