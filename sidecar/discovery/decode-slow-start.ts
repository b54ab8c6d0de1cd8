import type { Cluster_SlowStartConfig } from '../../proto/gen/envoy/config/cluster/v3/cluster.ts';
import type { SlowStartConfig as SlowStartMessage } from '../../proto/gen/envoy/extensions/load_balancing_policies/common/v3/common.ts';
import type { SlowStartConfig } from '../cluster/cluster-config.ts';
import { join, type Reader } from './reader.ts';

/** Reads `slow_start_config`; nothing where there is no window. For a spread into a balancer's configuration. */
export function decodeSlowStart(
  reader: Reader,
  path: string,
  message: SlowStartMessage | Cluster_SlowStartConfig | undefined,
): { slowStart?: SlowStartConfig } {
  if (message?.slowStartWindow === undefined) return {};
  const aggression = message.aggression?.defaultValue ?? 1;
  if (!(aggression > 0)) reader.problem(join(path, 'aggression.default_value'), 'must be above 0');
  const minWeightPercent = message.minWeightPercent?.value ?? 10;
  if (!(minWeightPercent >= 0 && minWeightPercent <= 100)) {
    reader.problem(join(path, 'min_weight_percent'), 'must be between 0 and 100');
  }
  const windowMs = reader.positiveDuration(join(path, 'slow_start_window'), message.slowStartWindow, 0);
  return { slowStart: { windowMs, aggression, minWeightPercent } };
}
