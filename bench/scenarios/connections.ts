import path from 'node:path';
import { runOwnGenerator } from '../load/load-result.ts';
import { wrk } from '../load/wrk.ts';
import { envoy } from '../peers/envoy.ts';
import { haproxy } from '../peers/haproxy.ts';
import { heddleFar, heddleGateway } from '../peers/heddle.ts';
import { nginx } from '../peers/nginx.ts';
import { atMost, type Scenario } from '../scenario.ts';

const handshakeClient = path.join(import.meta.dirname, '../load/handshakes.ts');

export const newConnections: Scenario = {
  name: 'connections',
  description: 'HTTP/1, a new downstream connection for each request, 64 at a time, keep-alive upstream',
  unit: 'request',
  reference: 'nginx',
  expected: [atMost(1.8, 'nginx')],
  candidates: [nginx('gateway'), haproxy('gateway'), envoy('gateway'), heddleGateway],
  load: ({ port }, { core, seconds }) => wrk(port, core, seconds, { connections: 64, close: true }),
};

export const handshakes: Scenario = {
  name: 'handshakes',
  description:
    'full mutual TLS 1.3 handshakes (ECDSA P-256, X25519, no resumption) with one request on each; the accepting side counts',
  unit: 'handshake',
  reference: 'nginx',
  expected: [],
  candidates: [nginx('far'), haproxy('far'), envoy('far'), heddleFar],
  load: ({ port, clientFolder }, { core, seconds, folder }) =>
    runOwnGenerator(core, handshakeClient, [String(port), String(seconds), clientFolder ?? folder]),
};
