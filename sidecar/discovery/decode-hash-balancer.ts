import type { Cluster } from '../../proto/gen/envoy/config/cluster/v3/cluster.ts';
import type { ConsistentHashingLbConfig } from '../../proto/gen/envoy/extensions/load_balancing_policies/common/v3/common.ts';
import { Maglev } from '../../proto/gen/envoy/extensions/load_balancing_policies/maglev/v3/maglev.ts';
import {
  RingHash,
  RingHash_HashFunction,
} from '../../proto/gen/envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash.ts';
import type { BalancerConfig, HashConfig } from '../cluster/cluster-config.ts';
import { fieldsOf } from './message-fields.ts';
import { join, type Reader } from './reader.ts';

export const ringHashFields = fieldsOf(RingHash, {
  supported: [
    'hashFunction',
    'minimumRingSize',
    'maximumRingSize',
    'useHostnameForHashing',
    'hashBalanceFactor',
    'consistentHashingLbConfig',
    'localityWeightedLbConfig',
  ],
});

export const maglevFields = fieldsOf(Maglev, {
  supported: ['tableSize', 'consistentHashingLbConfig', 'localityWeightedLbConfig'],
  limits: { tableSize: 'not above 5,000,011' },
});

const largestRing = 8_388_608;
const largestTable = 5_000_011;

export function decodeRingHash(reader: Reader, path: string, message: RingHash): BalancerConfig {
  reader.only(path, message, ringHashFields);
  const common = message.consistentHashingLbConfig ?? {
    useHostnameForHashing: message.useHostnameForHashing,
    hashBalanceFactor: message.hashBalanceFactor,
  };
  return {
    kind: 'ring-hash',
    ...ringSizes(reader, path, message),
    hash: message.hashFunction === RingHash_HashFunction.MURMUR_HASH_2 ? 'murmur-hash-2' : 'xx-hash',
    ...hashConfig(reader, path, common, message.localityWeightedLbConfig !== undefined),
  };
}

export function decodeMaglev(reader: Reader, path: string, message: Maglev): BalancerConfig {
  reader.only(path, message, maglevFields);
  return {
    kind: 'maglev',
    tableSize: tableSize(reader, path, message.tableSize),
    ...hashConfig(reader, path, message.consistentHashingLbConfig, message.localityWeightedLbConfig !== undefined),
  };
}

/** The older form of both: `lb_policy` with `ring_hash_lb_config` or `maglev_lb_config`. */
export function decodeOldHash(reader: Reader, message: Cluster, kind: 'ring-hash' | 'maglev'): BalancerConfig {
  const common = message.commonLbConfig;
  const weighted = common?.localityConfigSpecifier?.$case === 'localityWeightedLbConfig';
  const path = 'common_lb_config.consistent_hashing_lb_config';
  const hash = hashConfig(reader, path, common?.consistentHashingLbConfig, weighted);
  const config = message.lbConfig;
  if (kind === 'maglev') {
    const options = config?.$case === 'maglevLbConfig' ? config.value : undefined;
    return { kind, tableSize: tableSize(reader, 'maglev_lb_config', options?.tableSize), ...hash };
  }
  const options = config?.$case === 'ringHashLbConfig' ? config.value : undefined;
  return {
    kind,
    ...ringSizes(reader, 'ring_hash_lb_config', options ?? {}),
    // Here, and only here, 1 is MURMUR_HASH_2.
    hash: options?.hashFunction === 1 ? 'murmur-hash-2' : 'xx-hash',
    ...hash,
  };
}

function hashConfig(
  reader: Reader,
  path: string,
  common: Pick<ConsistentHashingLbConfig, 'useHostnameForHashing' | 'hashBalanceFactor'> | undefined,
  localityWeighted: boolean,
): HashConfig {
  const balanceFactor = common?.hashBalanceFactor ?? 0;
  if (balanceFactor !== 0 && balanceFactor < 100) {
    reader.problem(join(path, 'hash_balance_factor'), `${balanceFactor}; at least 100`);
  }
  return { byHostname: common?.useHostnameForHashing ?? false, balanceFactor, localityWeighted };
}

function ringSizes(
  reader: Reader,
  path: string,
  options: { minimumRingSize?: number | undefined; maximumRingSize?: number | undefined },
): { minRingSize: number; maxRingSize: number } {
  const minRingSize = options.minimumRingSize ?? 1_024;
  const maxRingSize = options.maximumRingSize ?? largestRing;
  if (minRingSize < 1 || minRingSize > largestRing) {
    reader.problem(join(path, 'minimum_ring_size'), `must be between 1 and ${largestRing}`);
  }
  if (maxRingSize > largestRing) reader.problem(join(path, 'maximum_ring_size'), `at most ${largestRing}`);
  if (minRingSize > maxRingSize) reader.problem(join(path, 'minimum_ring_size'), 'above maximum_ring_size');
  return { minRingSize, maxRingSize };
}

function tableSize(reader: Reader, path: string, size = 65_537): number {
  if (size > largestTable) reader.problem(join(path, 'table_size'), `at most ${largestTable}`);
  else if (!isPrime(size)) reader.problem(join(path, 'table_size'), `${size} is not a prime`);
  return size;
}

function isPrime(number: number): boolean {
  for (let factor = 2; factor * factor <= number; factor++) if (number % factor === 0) return false;
  return number > 1;
}
