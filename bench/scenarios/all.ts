import type { Scenario } from '../scenario.ts';
import { bodyScenarios } from './bodies.ts';
import { handshakes, newConnections } from './connections.ts';
import { http1Scenarios } from './http1.ts';
import { grpcStream, grpcUnary, http2Downstream } from './http2.ts';
import { everything, routes } from './large.ts';
import { hopLatency } from './latency.ts';
import { tcp, websocket } from './tunnels.ts';

/** In the order in which they run. */
export const scenarios: readonly Scenario[] = [
  ...http1Scenarios,
  hopLatency,
  ...bodyScenarios,
  newConnections,
  handshakes,
  grpcUnary,
  grpcStream,
  http2Downstream,
  websocket,
  tcp,
  routes,
  everything,
];
