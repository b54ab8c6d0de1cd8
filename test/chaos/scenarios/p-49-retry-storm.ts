import { AppProcess } from '../app-process.ts';
import { httpBootstrap, httpListener } from '../bootstrap.ts';
import { describeOutcomes, openLoop } from '../open-loop.ts';
import { ProxyUnderTest } from '../proxy-under-test.ts';
import { exactly, type Figure, type Scenario, told } from '../scenario.ts';

const retries = { retry_policy: { retry_on: '5xx,reset,connect-failure', num_retries: 3 } };

/** Everything behind the proxies answers 503 after a while: how many requests arrive there for each one sent? */
export const retryStorm: Scenario = {
  id: 'P-49',
  title: 'retries never become a storm',
  async run({ short, folder, progress }) {
    const figures: Figure[] = [];
    for (const hops of [1, 3]) {
      const app = await AppProcess.start(500);
      const proxies: ProxyUnderTest[] = [];
      try {
        let next = app.port;
        for (let hop = 0; hop < hops; hop++) {
          // Only the first is an edge: the others are inside the mesh and believe their neighbour's mark.
          const inside = hop < hops - 1;
          const bootstrap = httpBootstrap({ clusters: [{ ports: [next] }], route: retries, inside });
          const proxy = await ProxyUnderTest.start(folder, bootstrap);
          proxies.push(proxy);
          next = proxy.port(httpListener);
        }
        progress(`${hops} hop${hops > 1 ? 's' : ''}: 300 requests/s that all fail, 150 and more at one time`);
        const load = { port: next, path: '/status/503', perSecond: 300, seconds: short ? 5 : 20 };
        const result = await openLoop(load);
        const amplification = (await app.count()) / result.sent;
        const limit = 1.2;
        figures.push({
          name: `amplification over ${hops} hop${hops > 1 ? 's' : ''}`,
          value: `${amplification.toFixed(4)} ×`,
          wanted: `≤ ${limit.toFixed(4)} ×`,
          holds: amplification <= limit + 1e-9,
        });
        figures.push(told('answers', describeOutcomes(result.outcomes)));
        figures.push(
          exactly(
            'all proxies run',
            proxies.every(({ program }) => program.running),
            true,
          ),
        );
      } finally {
        for (const proxy of proxies) await proxy.stop();
        await app.stop();
      }
    }
    return { kind: 'measured', figures };
  },
};
