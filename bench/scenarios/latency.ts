import { h2load } from '../load/h2load.ts';
import { envoy } from '../peers/envoy.ts';
import { heddlePair } from '../peers/heddle.ts';
import { nginx } from '../peers/nginx.ts';
import type { Scenario } from '../scenario.ts';

const connections = 64;

/** The load that all take is half of what the slowest of them reached at its warm-up. */
export const hopLatency: Scenario = {
  name: 'hop-latency',
  description: `mesh hop at a steady rate, half of what the slowest candidate can do; ${connections} connections, latency from each request's start`,
  unit: 'request',
  reference: 'envoy',
  expected: [{ candidate: 'heddle', than: 'envoy', figure: 'p99', atMost: 1 }],
  candidates: [nginx('pair'), envoy('pair'), heddlePair],
  load: ({ port }, { core, seconds, saturation }) =>
    h2load(port, core, seconds, {
      connections,
      http1: true,
      ...(saturation.length === 0 ? {} : { rate: Math.min(...saturation) / 2 }),
    }),
};
