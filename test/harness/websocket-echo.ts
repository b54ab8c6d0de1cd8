import { createHash, randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import { rawClient, tcpServer } from './data-path.ts';

const magic = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}${magic}`).digest('base64');
}

/** An HTTP/1 server that completes the handshake as RFC 6455 wants it, then sends back what it gets in brackets. */
export async function startEcho(): Promise<{ port: number; heads: string[] }> {
  const heads: string[] = [];
  const port = await tcpServer((socket) => {
    socket.once('data', (bytes) => {
      const head = String(bytes);
      heads.push(head);
      const key = /^sec-websocket-key: (.*)\r$/im.exec(head)?.[1] ?? '';
      if (!/^upgrade: websocket\r$/im.test(head) || key === '') {
        socket.end('HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n');
        return;
      }
      const fields = `connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: ${acceptOf(key)}`;
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${fields}\r\n\r\nwelcome `);
      socket.on('data', (chunk) => socket.write(`<${chunk}>`));
      socket.on('end', () => socket.end('bye'));
    });
  });
  return { port, heads };
}

/** Speaks HTTP/1 through `port` to the echo and checks everything to the end. */
export async function talkHttp1(port: number): Promise<void> {
  const key = randomBytes(16).toString('base64');
  const client = rawClient(port);
  const fields = `connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${key}`;
  client.send(`GET /chat HTTP/1.1\r\nhost: a\r\n${fields}\r\n\r\n`);
  const seen = await client.see(/101 Switching Protocols[\s\S]*\r\n\r\nwelcome /);
  expect(/sec-websocket-accept: (.*)\r/i.exec(seen)?.[1]).toBe(acceptOf(key));
  client.send('ping');
  await client.see(/<ping>/);
  client.fin();
  await client.see(/bye$/);
}
