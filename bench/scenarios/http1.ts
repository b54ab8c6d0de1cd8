import { wrk } from '../load/wrk.ts';
import { envoy } from '../peers/envoy.ts';
import { haproxy } from '../peers/haproxy.ts';
import { heddleGateway, heddlePair } from '../peers/heddle.ts';
import { nginx } from '../peers/nginx.ts';
import { fastProxy, httpProxy } from '../peers/node-proxies.ts';
import { atMost, type Expectation, type Scenario } from '../scenario.ts';

const settings = '170-byte body, keep-alive on both sides, one worker, access log off';

function gateway(connections: number, more: Partial<Scenario> = {}): Scenario {
  return {
    name: connections === 64 ? 'gateway' : `gateway-${connections}`,
    description: `HTTP/1 in, HTTP/1 out, ${connections} connections, ${settings}`,
    unit: 'request',
    reference: 'nginx',
    expected: [],
    candidates: [nginx('gateway'), haproxy('gateway'), envoy('gateway'), heddleGateway],
    load: ({ port }, { core, seconds }) => wrk(port, core, seconds, { connections }),
    ...more,
  };
}

function hop(connections: number, expected: readonly Expectation[] = []): Scenario {
  return {
    name: connections === 64 ? 'hop' : `hop-${connections}`,
    description: `mesh hop: HTTP/1 in, mutual TLS 1.3 between two proxies, HTTP/1 out, both counted; ${connections} connections, ${settings}`,
    unit: 'request',
    reference: 'nginx',
    expected,
    candidates: [nginx('pair'), haproxy('pair'), envoy('pair'), heddlePair],
    load: ({ port }, { core, seconds }) => wrk(port, core, seconds, { connections }),
  };
}

export const http1Scenarios: readonly Scenario[] = [
  gateway(64, {
    expected: [atMost(1.1, 'nginx'), atMost(0.7, 'envoy')],
    candidates: [nginx('gateway'), haproxy('gateway'), envoy('gateway'), fastProxy, httpProxy, heddleGateway],
  }),
  hop(64, [atMost(0.8, 'nginx'), atMost(0.5, 'envoy')]),
  gateway(1),
  gateway(512),
  hop(1),
  hop(512),
];
