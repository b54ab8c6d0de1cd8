import { AppProcess } from '../app-process.ts';
import { httpBootstrap, httpListener } from '../bootstrap.ts';
import { describeOutcomes, type LoadResult, openLoop, served } from '../open-loop.ts';
import { ProxyUnderTest } from '../proxy-under-test.ts';
import { atLeast, exactly, type Scenario, told } from '../scenario.ts';
import { adaptiveConcurrency } from './adaptive-concurrency.ts';

const serviceMs = 50;
const workers = 10;
/** Requests a second that the application can answer. */
const capacity = (1000 / serviceMs) * workers;

/** Three times what the application can do, for a while, with retries; then a little less than it can do. */
export const metastable: Scenario = {
  id: 'P-50',
  title: 'the system leaves an overload by itself',
  async run({ short, folder, progress }) {
    const app = await AppProcess.start(serviceMs, workers);
    const bootstrap = httpBootstrap({
      clusters: [{ ports: [app.port] }],
      route: { timeout: '2s', retry_policy: { retry_on: '5xx,reset', num_retries: 1 } },
      filters: [adaptiveConcurrency],
    });
    const proxy = await ProxyUnderTest.start(folder, bootstrap);
    const load = { port: proxy.port(httpListener), path: '/', timeoutMs: 4_000 };
    try {
      progress('warming up');
      await openLoop({ ...load, perSecond: capacity * 0.5, seconds: 5 });
      progress(`3 × capacity (${capacity * 3}/s)`);
      const over = await openLoop({ ...load, perSecond: capacity * 3, seconds: short ? 15 : 60 });
      progress('0.8 × capacity');
      const seconds: LoadResult[] = [];
      let recoveredAfter = Number.POSITIVE_INFINITY;
      for (let second = 1; second <= 10; second++) {
        const result = await openLoop({ ...load, perSecond: capacity * 0.8, seconds: 1 });
        seconds.push(result);
        if (served(result) >= 0.95 * result.sent) recoveredAfter = Math.min(recoveredAfter, second);
        else recoveredAfter = Number.POSITIVE_INFINITY;
      }
      return {
        kind: 'measured',
        figures: [
          told('answers during the overload', describeOutcomes(over.outcomes)),
          told('served of capacity meanwhile', `${((served(over) / over.sent) * 300).toFixed(0)} %`),
          exactly('95 % and more served, within 10 s and from then on', recoveredAfter <= 10, true),
          told('from second', String(recoveredAfter)),
          atLeast(
            'served of offered in the last second',
            (served(seconds[9] as LoadResult) / (capacity * 0.8)) * 100,
            95,
            '%',
          ),
        ],
      };
    } finally {
      await proxy.stop();
      await app.stop();
    }
  },
};
