import { freePort } from '../../../bench/processes.ts';
import { TestMesh } from '../../harness/mesh.ts';
import { until } from '../../harness/process.ts';
import { AppProcess } from '../app-process.ts';
import { MemoryTrend } from '../memory-trend.ts';
import { describeOutcomes, openLoop, served } from '../open-loop.ts';
import { atMost, exactly, type Scenario, told } from '../scenario.ts';

const perSecond = 300;

/** A gateway, two versions of a service behind sidecars, and a policy that changes each second. */
export const soak: Scenario = {
  id: 'P-48',
  title: 'soak: half an hour (short: ten minutes) of requests while the configuration changes each second',
  async run({ short, progress }) {
    const minutes = short ? 10 : 30;
    const mesh = await TestMesh.start();
    const apps = [await AppProcess.start(), await AppProcess.start()];
    const trends: MemoryTrend[] = [];
    let churn: NodeJS.Timeout | undefined;
    try {
      const port = await freePort();
      for (const [index, app] of apps.entries())
        await mesh.sidecar(`app-v${index + 1}`, { service: `app-v${index + 1}`, port: app.port });
      await mesh.apply(routes(port, 0));
      const gateway = await mesh.gateway('edge');
      await until(
        async () => (await fetch(`http://127.0.0.1:${port}/`)).status === 200,
        'the gateway to serve',
        20_000,
      );
      const watch = (name: string, pid: number): void => void trends.push(new MemoryTrend(name, pid));
      watch('gateway', gateway.program.pid);
      watch('control plane', mesh.controlPlane.pid);
      let changes = 0;
      let failedChanges = 0;
      churn = setInterval(() => {
        mesh.apply(routes(port, ++changes % 101)).catch(() => failedChanges++);
      }, 1_000);
      let sent = 0;
      let good = 0;
      const outcomes = new Map<string, number>();
      for (let minute = 1; minute <= minutes; minute++) {
        const result = await openLoop({ port, path: '/', perSecond, seconds: 60 });
        sent += result.sent;
        good += served(result);
        for (const [what, times] of result.outcomes) outcomes.set(what, (outcomes.get(what) ?? 0) + times);
        progress(`minute ${minute} of ${minutes}: ${describeOutcomes(outcomes)}, p99 ${result.p99Ms.toFixed(1)} ms`);
      }
      return {
        kind: 'measured',
        figures: [
          told('answers', describeOutcomes(outcomes)),
          exactly('failures', sent - good, 0),
          told('changes of configuration, failed', `${changes}, ${failedChanges}`),
          ...trends.flatMap((trend) => [
            told(
              `${trend.name}: memory rises by`,
              `${(trend.slope / 1024).toFixed(2)} KiB/s, ${(trend.lastBytes / 2 ** 20).toFixed(0)} MiB at the end`,
            ),
            atMost(`${trend.name}: descriptors more than before`, trend.descriptorGrowth, 4),
          ]),
        ],
      };
    } finally {
      clearInterval(churn);
      for (const trend of trends) trend.stop();
      await mesh.close();
      for (const app of apps) await app.stop();
    }
  },
};

function routes(port: number, share: number): string {
  return `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge}
spec: {gatewayClassName: heddle, listeners: [{name: http, port: ${port}, protocol: HTTP}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: app}
spec:
  parentRefs: [{kind: Gateway, name: edge}]
  rules:
    - backendRefs:
        - {name: app-v1, port: 80, weight: ${100 - share}}
        - {name: app-v2, port: 80, weight: ${share}}
`;
}
