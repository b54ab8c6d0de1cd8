import { AppProcess } from '../app-process.ts';
import { httpBootstrap, httpListener } from '../bootstrap.ts';
import { describeOutcomes, openLoop, served } from '../open-loop.ts';
import { ProxyUnderTest } from '../proxy-under-test.ts';
import { atLeast, exactly, type Scenario, told } from '../scenario.ts';

/** One of two endpoints is frozen: it keeps its connections, takes new ones, and says nothing. */
export const frozenPeer: Scenario = {
  id: 'P-56',
  title: 'frozen peers are found, and others take their requests',
  async run({ short, folder, progress }) {
    const apps = [await AppProcess.start(), await AppProcess.start()];
    const bootstrap = httpBootstrap({
      clusters: [{ ports: apps.map(({ port }) => port) }],
      route: {
        timeout: '5s',
        retry_policy: { retry_on: 'reset,5xx,connect-failure', num_retries: 1, per_try_timeout: '1s' },
      },
    });
    const proxy = await ProxyUnderTest.start(folder, bootstrap);
    const load = { port: proxy.port(httpListener), path: '/', perSecond: 50, timeoutMs: 8_000 };
    try {
      await openLoop({ ...load, seconds: 2 });
      progress('one of two endpoints is frozen');
      apps[0]?.program.child.kill('SIGSTOP');
      const first = await openLoop({ ...load, seconds: 10 });
      const later = await openLoop({ ...load, seconds: short ? 10 : 60 });
      progress('it goes on');
      apps[0]?.program.child.kill('SIGCONT');
      const after = await openLoop({ ...load, seconds: 10 });
      return {
        kind: 'measured',
        figures: [
          told('the first 10 s', describeOutcomes(first.outcomes)),
          atLeast('served of the first 10 s', (served(first) / first.sent) * 100, 99, '%'),
          told('afterwards', `${describeOutcomes(later.outcomes)}, p99 ${later.p99Ms.toFixed(0)} ms`),
          atLeast('served afterwards', (served(later) / later.sent) * 100, 99.5, '%'),
          exactly('when it goes on', describeOutcomes(after.outcomes), `200: ${after.sent}`),
        ],
      };
    } finally {
      apps[0]?.program.child.kill('SIGCONT');
      await proxy.stop();
      for (const app of apps) await app.stop();
    }
  },
};
