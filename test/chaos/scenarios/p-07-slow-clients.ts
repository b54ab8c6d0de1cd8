import { once } from 'node:events';
import net from 'node:net';
import { AppProcess } from '../app-process.ts';
import { httpBootstrap, httpListener } from '../bootstrap.ts';
import { Canary } from '../canary.ts';
import { ProxyUnderTest } from '../proxy-under-test.ts';
import { atMost, exactly, type Scenario, told } from '../scenario.ts';

const mib = 1024 * 1024;

/** Clients that send a byte now and then, and clients that read nothing, are let go while others are served. */
export const slowClients: Scenario = {
  id: 'P-07',
  title: 'slow clients cannot pin the server',
  async run({ short, folder, progress }) {
    const count = short ? 500 : 2_000;
    const app = await AppProcess.start();
    const manager = { common_http_protocol_options: {}, request_headers_timeout: '10s' };
    const bootstrap = httpBootstrap({ clusters: [{ ports: [app.port] }], manager });
    const proxy = await ProxyUnderTest.start(folder, bootstrap);
    const port = proxy.port(httpListener);
    const canary = new Canary(port);
    try {
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      const quiet = canary.take();
      const before = { rss: proxy.rssBytes, fds: proxy.fileDescriptors };
      proxy.resetPeak();
      progress(`${count} connections that send one byte in 10 s`);
      const closedAfter = await Promise.all(Array.from({ length: count }, (_, index) => slowSender(port, index % 50)));
      const busy = canary.take();
      progress('connections that ask for much and read nothing');
      const stalled = await Promise.all(Array.from({ length: 20 }, () => slowReader(port)));
      const later = canary.take();
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      const failures = busy.failures.length + later.failures.length;
      return {
        kind: 'measured',
        figures: [
          atMost('last slow sender closed after', Math.max(...closedAfter) / 1000, 11, 's'),
          atMost('last slow reader closed after', Math.max(...stalled) / 1000, 60, 's'),
          exactly('canary failures', failures, 0),
          told('canary p99 quiet, under attack', `${quiet.p99Ms.toFixed(1)}, ${busy.p99Ms.toFixed(1)} ms`),
          atMost('canary p99 under attack', busy.p99Ms, 100, 'ms'),
          atMost('memory at its peak above the start', (proxy.peakBytes - before.rss) / mib, 64, 'MiB'),
          atMost('descriptors more than before', proxy.fileDescriptors - before.fds, 8),
          exactly('proxy still runs', proxy.program.running, true),
        ],
      };
    } finally {
      canary.stop();
      await proxy.stop();
      await app.stop();
    }
  },
};

/** Unlike `once`, an error does not break it off: a reset is a close as well. */
function closed(socket: net.Socket): Promise<void> {
  return new Promise((resolve) => void socket.once('close', () => resolve()));
}

/** Milliseconds until the proxy closed a connection whose head never ends. */
async function slowSender(port: number, delayMs: number): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, delayMs * 10));
  const socket = net.connect(port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  const begun = performance.now();
  socket.write('G');
  const timer = setInterval(() => socket.writable && socket.write('E'), 10_000);
  socket.resume();
  if (!socket.closed) await closed(socket);
  clearInterval(timer);
  return performance.now() - begun;
}

/** Milliseconds until the proxy gave up on a client that reads nothing of its answer. */
async function slowReader(port: number): Promise<number> {
  const socket = net.connect(port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  const begun = performance.now();
  socket.pause();
  socket.write('GET /bytes/104857600 HTTP/1.1\r\nHost: a.test\r\n\r\n');
  // Only writing finds out, while nothing is read.
  const timer = setInterval(() => socket.writable && socket.write('\r\n'), 250);
  await Promise.race([closed(socket), new Promise((resolve) => setTimeout(resolve, 90_000))]);
  clearInterval(timer);
  socket.destroy();
  return performance.now() - begun;
}
