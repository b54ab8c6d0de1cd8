import { cpuMs } from '../../../bench/processes.ts';
import { AppProcess } from '../app-process.ts';
import { httpBootstrap, httpListener } from '../bootstrap.ts';
import { describeOutcomes, openLoop, served } from '../open-loop.ts';
import { ProxyUnderTest } from '../proxy-under-test.ts';
import { atLeast, exactly, type Scenario, told } from '../scenario.ts';
import { adaptiveConcurrency } from './adaptive-concurrency.ts';

const serviceMs = 50;
const workers = 10;
const capacity = (1000 / serviceMs) * workers;

/** Five times what the application can do: what it does do, and what a refusal costs. */
export const shedding: Scenario = {
  id: 'P-51',
  title: 'load is shed cheaply, and the work that can be done is done',
  async run({ short, folder, progress }) {
    const app = await AppProcess.start(serviceMs, workers);
    const bootstrap = httpBootstrap({
      clusters: [{ ports: [app.port] }],
      route: { timeout: '5s' },
      filters: [adaptiveConcurrency],
    });
    const proxy = await ProxyUnderTest.start(folder, bootstrap);
    const load = { port: proxy.port(httpListener), path: '/', timeoutMs: 8_000 };
    try {
      progress('warming up');
      await openLoop({ ...load, perSecond: capacity * 0.8, seconds: 10 });
      const before = cpuMs([proxy.pid]);
      const normal = await openLoop({ ...load, perSecond: capacity * 0.8, seconds: 10 });
      const normalCpu = (cpuMs([proxy.pid]) - before) / normal.sent;
      progress(`5 × capacity (${capacity * 5}/s)`);
      await openLoop({ ...load, perSecond: capacity * 5, seconds: 5 });
      const seconds = short ? 10 : 60;
      const result = await openLoop({ ...load, perSecond: capacity * 5, seconds });
      const answered = served(result);
      return {
        kind: 'measured',
        figures: [
          told('answers', describeOutcomes(result.outcomes)),
          atLeast('served of what can be done', (answered / (capacity * seconds)) * 100, 85, '%'),
          told('CPU a request at 0.8 × capacity', `${(normalCpu * 1000).toFixed(0)} µs`),
          exactly('admin port answers', (await proxy.admin('/ready')).length > 0, true),
          exactly('proxy still runs', proxy.program.running, true),
        ],
      };
    } finally {
      await proxy.stop();
      await app.stop();
    }
  },
};
