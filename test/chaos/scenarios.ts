import type { Scenario } from './scenario.ts';
import { slowClients } from './scenarios/p-07-slow-clients.ts';
import { descriptors } from './scenarios/p-08-descriptors.ts';
import { retryStorm } from './scenarios/p-49-retry-storm.ts';
import { failFast } from './scenarios/p-55-fail-fast.ts';

/** All promises that are tried this way, in the order of their ids. */
export const scenarios: readonly Scenario[] = [slowClients, descriptors, retryStorm, failFast];
