import net from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { TestProxy, tcpServer, until } from '../../test/harness/data-path.ts';
import { highWatermark, SocketTransport } from './transport.ts';
import { WriteTurn } from './write-turn.ts';

async function connect() {
  let peer: net.Socket | undefined;
  let seen = '';
  const port = await tcpServer((socket) => {
    peer = socket;
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      seen += chunk;
    });
  });
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  onTestFinished(() => void socket.destroy());
  await until(() => peer !== undefined && !socket.connecting);
  const writes: unknown[] = [];
  const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
  socket.write = (...args: unknown[]) => {
    writes.push(args[0]);
    return write(...args);
  };
  const turn = new WriteTurn();
  const under = new TestProxy();
  return {
    socket,
    peer: peer as net.Socket,
    seen: () => seen,
    writes,
    turn,
    transport: new SocketTransport(socket, turn, under.wheel),
    under,
  };
}

const ignore = { onBytes() {}, onEnd() {}, onClose() {}, onDrain() {} };

test('what is written in one turn leaves in one write, in its order and byte for byte', async () => {
  const { transport, writes, seen, turn } = await connect();
  transport.start(ignore);
  turn.enter();
  transport.write('head é\r\n');
  transport.write(Buffer.from('body'));
  transport.write('tail');
  expect(writes).toEqual([]);
  turn.leave();
  await until(() => seen().length === 16);
  expect(seen()).toBe('head é\r\nbodytail');
  expect(writes).toHaveLength(1);
});

test('what is written outside of a read leaves too', async () => {
  const { transport, seen } = await connect();
  transport.start(ignore);
  transport.write('a');
  transport.write('b');
  await until(() => seen() === 'ab');
});

test('a full transport says so, and says when there is room again', async () => {
  const { transport, peer, seen } = await connect();
  peer.pause();
  let drained = 0;
  transport.start({ ...ignore, onDrain: () => drained++ });
  const block = Buffer.alloc(65_536);
  let sent = 0;
  while (transport.bufferedBytes <= highWatermark) {
    transport.write(block);
    sent += block.length;
  }
  expect(drained).toBe(0);
  peer.resume();
  await until(() => drained === 1);
  await until(() => seen().length === sent);
});

test('close sends everything and FIN, and lets go of a peer that does not close too', async () => {
  const { transport, seen, socket, under } = await connect();
  let closed = false;
  transport.start({
    ...ignore,
    onClose: () => {
      closed = true;
    },
  });
  transport.write('last words');
  transport.close();
  await until(() => seen() === 'last words');
  expect(socket.destroyed).toBe(false);
  under.advance(1_100);
  await until(() => closed);
});
