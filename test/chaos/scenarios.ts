import type { Scenario } from './scenario.ts';
import { slowClients } from './scenarios/p-07-slow-clients.ts';
import { descriptors } from './scenarios/p-08-descriptors.ts';
import { memoryPressure } from './scenarios/p-09-memory-pressure.ts';
import { backPressure } from './scenarios/p-10-back-pressure.ts';
import { crossDelivery } from './scenarios/p-21-cross-delivery.ts';
import { restart } from './scenarios/p-46-restart.ts';
import { soak } from './scenarios/p-48-soak.ts';
import { retryStorm } from './scenarios/p-49-retry-storm.ts';
import { metastable } from './scenarios/p-50-metastable.ts';
import { shedding } from './scenarios/p-51-shedding.ts';
import { failFast } from './scenarios/p-55-fail-fast.ts';
import { frozenPeer } from './scenarios/p-56-frozen-peer.ts';

/** All promises that are tried this way, in the order of their ids. */
export const scenarios: readonly Scenario[] = [
  slowClients,
  descriptors,
  memoryPressure,
  backPressure,
  crossDelivery,
  restart,
  soak,
  retryStorm,
  metastable,
  shedding,
  failFast,
  frozenPeer,
];
