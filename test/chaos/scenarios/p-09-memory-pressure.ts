import { once } from 'node:events';
import net from 'node:net';
import { AppProcess } from '../app-process.ts';
import { httpBootstrap, httpListener } from '../bootstrap.ts';
import { MemoryGroup } from '../memory-group.ts';
import { describeOutcomes, openLoop, served } from '../open-loop.ts';
import { ProxyUnderTest } from '../proxy-under-test.ts';
import { atLeast, exactly, type Scenario, told } from '../scenario.ts';

const mib = 2 ** 20;
const limitBytes = 256 * mib;

/** A small control group, and thousands of clients that ask for much and read little. */
export const memoryPressure: Scenario = {
  id: 'P-09',
  title: 'memory pressure degrades the service in steps and never ends it',
  async run({ short, folder, progress }) {
    const group = MemoryGroup.create(limitBytes);
    if (group === undefined)
      return { kind: 'skipped', reason: 'no memory control group can be made here (root needed)' };
    const app = await AppProcess.start();
    const bootstrap = httpBootstrap({ clusters: [{ ports: [app.port] }], route: { timeout: '60s' } });
    const proxy = await ProxyUnderTest.start(folder, bootstrap, {
      prefix: group.prefix,
    });
    const port = proxy.port(httpListener);
    const greedy: net.Socket[] = [];
    try {
      progress(`clients that ask for 64 MiB each and read little, in ${limitBytes / mib} MiB`);
      const until = performance.now() + (short ? 30_000 : 30 * 60_000);
      while (performance.now() < until) {
        for (let i = 0; i < 100 && greedy.length < 6_000; i++) greedy.push(greedyClient(port));
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
      const stats = await proxy.admin('/stats');
      for (const socket of greedy) socket.destroy();
      progress('they are gone');
      await new Promise((resolve) => setTimeout(resolve, 10_000));
      const after = await openLoop({ port, path: '/', perSecond: 100, seconds: 5 });
      return {
        kind: 'measured',
        figures: [
          told(
            'overload in /stats',
            stats
              .split('\n')
              .filter((line) => /overload/.test(line))
              .join('; ') || 'nothing',
          ),
          told('memory at its peak', `${(proxy.peakBytes / mib).toFixed(0)} MiB`),
          exactly('kills for want of memory', group.kills, 0),
          exactly('proxy still runs', proxy.program.running, true),
          told('answers 10 s after', describeOutcomes(after.outcomes)),
          atLeast('served 10 s after', (served(after) / after.sent) * 100, 100, '%'),
        ],
      };
    } finally {
      for (const socket of greedy) socket.destroy();
      await proxy.stop();
      await app.stop();
      group.remove();
    }
  },
};

function greedyClient(port: number): net.Socket {
  const socket = net.connect(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.pause();
  void once(socket, 'connect').then(
    () => socket.write('GET /bytes/67108864 HTTP/1.1\r\nHost: a.test\r\n\r\n'),
    () => {},
  );
  return socket;
}
