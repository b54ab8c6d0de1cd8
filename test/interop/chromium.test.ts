import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { debianProgram } from '../harness/peers.ts';
import { startEdge, type TestEdge } from './edge.ts';

// A browser at the gateway's TLS port: HTTP/2, WebSocket and server-sent events, to an HTTP/1 application in the mesh.

const program = debianProgram('chromium');

let app: http.Server;
let edge: TestEdge;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  if (program.absent !== undefined) return;
  app = startApp();
  await once(app.listen(0, '127.0.0.1'), 'listening');
  edge = await startEdge((app.address() as AddressInfo).port);
  browser = await chromium.launch({
    executablePath: program.path,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  });
  page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
  await page.goto(`https://localhost:${edge.ports.https}/`);
}, 90_000);

afterAll(async () => {
  await browser?.close();
  await edge?.close();
  app?.closeAllConnections();
  app?.close();
});

/** A page, an event stream, and an echo for WebSocket (one text frame, small enough for the short form). */
function startApp(): http.Server {
  const server = http.createServer((request, response) => {
    if (request.url === '/events') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      let count = 0;
      const timer = setInterval(() => response.write(`data: ${++count}\n\n`), 50);
      response.on('close', () => clearInterval(timer));
      return;
    }
    request.resume();
    response.writeHead(200, { 'content-type': 'text/html' });
    response.end(`<title>shop</title>${request.url}`);
  });
  server.on('upgrade', (request, socket) => {
    const accept = createHash('sha1')
      .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest('base64');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    socket.on('error', () => {});
    socket.on('data', (frame: Buffer) => {
      const length = (frame[1] as number) & 0x7f;
      if ((frame[0] as number) !== 0x81 || length > 125) return;
      const mask = frame.subarray(2, 6);
      const text = Buffer.from(frame.subarray(6, 6 + length).map((byte, i) => byte ^ (mask[i % 4] as number)));
      socket.write(Buffer.concat([Buffer.from([0x81, length]), text]));
    });
  });
  return server;
}

describe.skipIf(program.absent !== undefined)(
  `Chromium${program.absent === undefined ? '' : ` (${program.absent})`}`,
  () => {
    test('loads a page over HTTP/2, and 50 things at one time', async () => {
      expect(await page.title()).toBe('shop');
      const protocol = 'performance.getEntriesByType("navigation")[0].nextHopProtocol';
      expect(await page.evaluate(protocol)).toBe('h2');
      const many = `Promise.all(Array.from({ length: 50 }, (_, i) => fetch('/item/' + i).then((r) => r.text())))`;
      expect(await page.evaluate(many)).toEqual(Array.from({ length: 50 }, (_, i) => `<title>shop</title>/item/${i}`));
    });

    test('has its WebSocket messages echoed', async () => {
      const echo = `new Promise((resolve, reject) => {
      const socket = new WebSocket('wss://' + location.host + '/echo');
      socket.onopen = () => socket.send('hello over the mesh');
      socket.onmessage = ({ data }) => { resolve(data); socket.close(); };
      socket.onerror = () => reject(new Error('no WebSocket'));
    })`;
      expect(await page.evaluate(echo)).toBe('hello over the mesh');
    });

    test('receives server-sent events one by one', async () => {
      const events = `new Promise((resolve) => {
      const got = [];
      const source = new EventSource('/events');
      source.onmessage = ({ data }) => { if (got.push(data) === 3) { source.close(); resolve(got); } };
    })`;
      expect(await page.evaluate(events)).toEqual(['1', '2', '3']);
    });
  },
);
