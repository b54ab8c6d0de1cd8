import { AppProcess } from '../app-process.ts';
import { httpBootstrap, httpListener } from '../bootstrap.ts';
import { describeOutcomes, openLoop } from '../open-loop.ts';
import { ProxyUnderTest } from '../proxy-under-test.ts';
import { atLeast, atMost, exactly, type Scenario, told } from '../scenario.ts';

/** An application that is stopped (SIGSTOP) takes connections and answers nothing. */
export const failFast: Scenario = {
  id: 'P-55',
  title: 'circuit breakers fail fast, and close again when the upstream is back',
  async run({ short, folder, progress }) {
    const app = await AppProcess.start();
    const breakers = {
      circuit_breakers: { thresholds: [{ max_requests: 50, max_pending_requests: 50, max_connections: 50 }] },
    };
    const bootstrap = httpBootstrap({ clusters: [{ ports: [app.port], fields: breakers }], route: { timeout: '3s' } });
    const proxy = await ProxyUnderTest.start(folder, bootstrap);
    const port = proxy.port(httpListener);
    const load = { port, path: '/', perSecond: 200, timeoutMs: 8_000 };
    try {
      app.program.child.kill('SIGSTOP');
      progress('the application is frozen, 200 requests/s');
      const frozen = await openLoop({ ...load, seconds: short ? 4 : 10 });
      app.program.child.kill('SIGCONT');
      progress('and goes on');
      const resumed = performance.now();
      let recoveredMs = Number.POSITIVE_INFINITY;
      while (performance.now() - resumed < 10_000) {
        const { status } = await fetch(`http://127.0.0.1:${port}/`);
        if (status === 200) {
          recoveredMs = performance.now() - resumed;
          break;
        }
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      const after = await openLoop({ ...load, seconds: 2 });
      return {
        kind: 'measured',
        figures: [
          told('answers while frozen', describeOutcomes(frozen.outcomes)),
          atLeast('503 while frozen', frozen.outcomes.get('503') ?? 0, 1),
          atMost('a refusal takes (median)', frozen.medianMs.get('503') ?? Number.POSITIVE_INFINITY, 5, 'ms'),
          atMost('first success after it goes on', recoveredMs / 1000, 2, 's'),
          exactly('answers afterwards', describeOutcomes(after.outcomes), `200: ${after.sent}`),
        ],
      };
    } finally {
      app.program.child.kill('SIGCONT');
      await proxy.stop();
      await app.stop();
    }
  },
};
