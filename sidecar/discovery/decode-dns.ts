import {
  type Cluster,
  Cluster_DnsLookupFamily,
  Cluster_RefreshRate,
} from '../../proto/gen/envoy/config/cluster/v3/cluster.ts';
import type { EndpointConfig } from '../cluster/cluster-config.ts';
import type { DnsConfig, DnsFamily } from '../cluster/dns/dns-config.ts';
import { fieldsOf } from './message-fields.ts';
import { join, type Reader } from './reader.ts';

export const refreshRateFields = fieldsOf(Cluster_RefreshRate, { supported: ['baseInterval', 'maxInterval'] });

const { AUTO, V4_ONLY, V6_ONLY, V4_PREFERRED, ALL } = Cluster_DnsLookupFamily;
const families: ReadonlyMap<Cluster_DnsLookupFamily, DnsFamily> = new Map<Cluster_DnsLookupFamily, DnsFamily>([
  [AUTO, 'auto'],
  [V4_ONLY, 'v4-only'],
  [V6_ONLY, 'v6-only'],
  [V4_PREFERRED, 'v4-preferred'],
  [ALL, 'all'],
]);

/** Reads how a cluster looks up the host names in `targets`. */
export function decodeDns(
  reader: Reader,
  message: Cluster,
  logical: boolean,
  targets: readonly EndpointConfig[],
): DnsConfig {
  if (logical && targets.length !== 1) reader.problem('load_assignment', 'LOGICAL_DNS has exactly one endpoint');
  if (targets.length === 0 && !logical) reader.problem('load_assignment', 'missing');
  const refreshMs = reader.positiveDuration('dns_refresh_rate', message.dnsRefreshRate, 5_000);
  return {
    logical,
    family: families.get(message.dnsLookupFamily) ?? 'auto',
    refreshMs,
    ...decodeFailureRate(reader, message.dnsFailureRefreshRate, refreshMs),
    respectTtl: message.respectDnsTtl,
    targets,
  };
}

function decodeFailureRate(
  reader: Reader,
  rate: Cluster_RefreshRate | undefined,
  refreshMs: number,
): Pick<DnsConfig, 'failureBaseMs' | 'failureMaxMs'> {
  if (rate === undefined) return { failureBaseMs: refreshMs, failureMaxMs: refreshMs };
  const path = 'dns_failure_refresh_rate';
  reader.only(path, rate, refreshRateFields);
  if (rate.baseInterval === undefined) reader.problem(join(path, 'base_interval'), 'missing');
  const failureBaseMs = reader.positiveDuration(join(path, 'base_interval'), rate.baseInterval, refreshMs);
  const failureMaxMs = reader.positiveDuration(join(path, 'max_interval'), rate.maxInterval, 10 * failureBaseMs);
  if (failureMaxMs < failureBaseMs) reader.problem(join(path, 'max_interval'), 'is shorter than base_interval');
  return { failureBaseMs, failureMaxMs };
}
