import fs from 'node:fs';
import { expect, test } from 'vitest';
import { cluster, httpServer, request, TestProxy } from '../../test/harness/data-path.ts';

/** The timers of connections to a port, as the kernel has them: `02` is keep-alive, `00` none. Then, when it fires. */
function timers(port: number): { kind: string; inSeconds: number }[] {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const lines = fs.readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1);
  return lines
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[2]?.endsWith(`:${hex}`) === true && fields[3] === '01')
    .map((fields) => (fields[5] ?? '').split(':'))
    .map(([kind = '', when = '0']) => ({ kind, inSeconds: Number.parseInt(when, 16) / 100 }));
}

test.runIf(process.platform === 'linux')(
  'RS-19: the kernel keeps connections to endpoints alive where asked to',
  async () => {
    for (const tcpKeepalive of [undefined, { timeMs: 600_000, intervalMs: 5_000, probes: 3 }]) {
      const { port: upstream } = await httpServer((_incoming, outgoing) => void outgoing.end());
      const under = new TestProxy();
      under.proxy.setCluster(cluster('app', [upstream], tcpKeepalive === undefined ? {} : { tcpKeepalive }));
      const port = await under.listen('app');
      await request(port, '/');
      const [timer] = timers(upstream);
      expect(timer?.kind === '02').toBe(tcpKeepalive !== undefined);
      if (tcpKeepalive !== undefined) expect(timer?.inSeconds).toBeGreaterThan(500);
    }
  },
);
