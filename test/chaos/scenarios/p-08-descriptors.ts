import net from 'node:net';
import { AppProcess } from '../app-process.ts';
import { httpBootstrap, httpListener } from '../bootstrap.ts';
import { ProxyUnderTest } from '../proxy-under-test.ts';
import { atMost, exactly, type Scenario, told } from '../scenario.ts';

/** With 256 descriptors and 1,000 clients the proxy refuses some, and goes on accepting, answering and connecting. */
export const descriptors: Scenario = {
  id: 'P-08',
  title: 'a flood of connections does not exhaust the descriptors',
  async run({ folder, progress }) {
    const app = await AppProcess.start();
    const bootstrap = httpBootstrap({ clusters: [{ ports: [app.port] }] });
    const proxy = await ProxyUnderTest.start(folder, bootstrap, { prefix: ['prlimit', '--nofile=256'] });
    const port = proxy.port(httpListener);
    const sockets: net.Socket[] = [];
    try {
      progress('1,000 connections');
      let refused = 0;
      for (let i = 0; i < 1_000; i++) {
        const socket = net.connect(port, '127.0.0.1');
        socket.on('error', () => {});
        socket.on('close', () => refused++);
        socket.resume();
        sockets.push(socket);
      }
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      const open = sockets.length - refused;
      const adminAnswers = (await proxy.admin('/ready')).length > 0;
      const held = sockets.find((socket) => !socket.destroyed);
      const upstreamAnswer = held === undefined ? '' : await ask(held);
      for (const socket of sockets) socket.destroy();
      progress('the flood is over');
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      const after = await fetch(`http://127.0.0.1:${port}/`).then(({ status }) => status);
      return {
        kind: 'measured',
        figures: [
          atMost('connections held of 256 descriptors', open, Math.floor(256 * 0.4)),
          told('connections turned away', String(refused)),
          exactly('admin port answers during the flood', adminAnswers, true),
          exactly('a held connection reaches the upstream', upstreamAnswer.startsWith('HTTP/1.1 200'), true),
          exactly('status after the flood', after, 200),
          exactly('EMFILE in the log', /EMFILE/.test(proxy.program.stderr), false),
          exactly('proxy still runs', proxy.program.running, true),
        ],
      };
    } finally {
      for (const socket of sockets) socket.destroy();
      await proxy.stop();
      await app.stop();
    }
  },
};

function ask(socket: net.Socket): Promise<string> {
  return new Promise((resolve) => {
    socket.once('data', (chunk) => resolve(String(chunk)));
    socket.write('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n');
    setTimeout(() => resolve('nothing'), 5_000);
  });
}
