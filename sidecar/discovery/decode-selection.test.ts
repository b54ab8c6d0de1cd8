import { describe, expect, test } from 'vitest';
import { Cluster } from '../../proto/gen/envoy/config/cluster/v3/cluster.ts';
import { ClusterLoadAssignment } from '../../proto/gen/envoy/config/endpoint/v3/endpoint.ts';
import { ClientSideWeightedRoundRobin } from '../../proto/gen/envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3/client_side_weighted_round_robin.ts';
import { LeastRequest } from '../../proto/gen/envoy/extensions/load_balancing_policies/least_request/v3/least_request.ts';
import { Maglev } from '../../proto/gen/envoy/extensions/load_balancing_policies/maglev/v3/maglev.ts';
import { PickFirst } from '../../proto/gen/envoy/extensions/load_balancing_policies/pick_first/v3/pick_first.ts';
import { RingHash } from '../../proto/gen/envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash.ts';
import { RoundRobin } from '../../proto/gen/envoy/extensions/load_balancing_policies/round_robin/v3/round_robin.ts';
import { WrrLocality } from '../../proto/gen/envoy/extensions/load_balancing_policies/wrr_locality/v3/wrr_locality.ts';
import { PeakEwma } from '../../proto/gen/heddle/balance/v1/peak_ewma.ts';
import { type ClusterConfig, defaultOutlier } from '../cluster/cluster-config.ts';
import { decodeCluster } from './decode-cluster.ts';
import { decodeEndpoints } from './decode-endpoints.ts';
import type { Decoded } from './reader.ts';

const packed = (type: { readonly $type: string }, json: object) => ({
  '@type': `type.googleapis.com/${type.$type}`,
  ...json,
});
const policies = (...configs: object[]) => ({
  policies: configs.map((typedConfig) => ({ typedExtensionConfig: { name: 'x', typedConfig } })),
});
const decoded = (json: object): Decoded<ClusterConfig> => {
  const result = decodeCluster(Cluster.fromJSON({ name: 'c', ...json }));
  return result.ok ? { ok: true, value: result.value.config } : result;
};
const config = (json: object): ClusterConfig => {
  const result = decoded(json);
  if (!result.ok) throw new Error(result.problems.join('\n'));
  return result.value;
};
const problems = (json: object) => {
  const result = decoded(json);
  return result.ok ? [] : result.problems;
};
const plain = { byHostname: false, balanceFactor: 0, localityWeighted: false };

describe('balancers', () => {
  test.each<[string, object, object]>([
    [
      'ring hash',
      packed(RingHash, { hashFunction: 'MURMUR_HASH_2', minimumRingSize: 16, maximumRingSize: 64 }),
      { kind: 'ring-hash', minRingSize: 16, maxRingSize: 64, hash: 'murmur-hash-2', ...plain },
    ],
    [
      'Maglev',
      packed(Maglev, {
        tableSize: 7,
        consistentHashingLbConfig: { useHostnameForHashing: true, hashBalanceFactor: 150 },
        localityWeightedLbConfig: {},
      }),
      { kind: 'maglev', tableSize: 7, byHostname: true, balanceFactor: 150, localityWeighted: true },
    ],
    [
      'least request',
      packed(LeastRequest, {
        choiceCount: 3,
        activeRequestBias: { defaultValue: 0.5, runtimeKey: 'x' },
        slowStartConfig: { slowStartWindow: '60s', aggression: { defaultValue: 2, runtimeKey: 'x' } },
      }),
      {
        kind: 'least-request',
        choices: 3,
        activeRequestBias: 0.5,
        slowStart: { windowMs: 60_000, aggression: 2, minWeightPercent: 10 },
      },
    ],
    ['a full scan', packed(LeastRequest, { selectionMethod: 'FULL_SCAN' }), { kind: 'least-request', choices: 'all' }],
    ['pick first', packed(PickFirst, { shuffleAddressList: true }), { kind: 'pick-first', shuffle: true }],
    [
      'reported load',
      packed(ClientSideWeightedRoundRobin, { blackoutPeriod: '3s', errorUtilizationPenalty: 0.5 }),
      { kind: 'client-side-weighted', blackoutMs: 3_000, expirationMs: 180_000, updateMs: 1_000, errorPenalty: 0.5 },
    ],
    [
      'Peak-EWMA',
      packed(PeakEwma, { slowStartConfig: { slowStartWindow: '10s', minWeightPercent: { value: 20 } } }),
      {
        kind: 'peak-ewma',
        decayMs: 10_000,
        defaultRttMs: 30,
        slowStart: { windowMs: 10_000, aggression: 1, minWeightPercent: 20 },
      },
    ],
  ])('LB-02: %s is read from a typed policy', (_name, policy, wanted) => {
    expect(config({ loadBalancingPolicy: policies(policy) }).balancer).toEqual(wanted);
  });

  test('LB-02: the older form is read too', () => {
    expect(
      config({ lbPolicy: 'RING_HASH', ringHashLbConfig: { minimumRingSize: 9, hashFunction: 'MURMUR_HASH_2' } })
        .balancer,
    ).toEqual({ kind: 'ring-hash', minRingSize: 9, maxRingSize: 8_388_608, hash: 'murmur-hash-2', ...plain });
    expect(
      config({ lbPolicy: 'MAGLEV', commonLbConfig: { consistentHashingLbConfig: { hashBalanceFactor: 120 } } })
        .balancer,
    ).toEqual({ kind: 'maglev', tableSize: 65_537, ...plain, balanceFactor: 120 });
    const slow = { roundRobinLbConfig: { slowStartConfig: { slowStartWindow: '5s' } } };
    expect(config(slow).balancer).toMatchObject({ kind: 'round-robin', slowStart: { windowMs: 5_000 } });
  });

  test('localities are weighted by wrr_locality around any policy, or as a policy itself says', () => {
    const inner = policies(packed(RingHash, {}));
    const outer = config({ loadBalancingPolicy: policies(packed(WrrLocality, { endpointPickingPolicy: inner })) });
    expect(outer.balancer).toMatchObject({ kind: 'ring-hash', localityWeighted: true });
    expect(outer.spread?.locality).toEqual({ kind: 'weighted' });
    const zoneAware = {
      localityLbConfig: {
        zoneAwareLbConfig: { minClusterSize: 9, routingEnabled: { value: 50 }, failTrafficOnPanic: true },
      },
    };
    expect(config({ loadBalancingPolicy: policies(packed(RoundRobin, zoneAware)) }).spread).toMatchObject({
      locality: { kind: 'zone-aware', routingPercent: 50, minClusterSize: 9 },
      failTrafficOnPanic: true,
      panicThresholdPercent: 50,
    });
  });

  test('values out of range are each named', () => {
    const path = 'load_balancing_policy.policies[0].typed_extension_config.typed_config';
    expect(problems({ loadBalancingPolicy: policies(packed(Maglev, { tableSize: 8 })) })).toEqual([
      `${path}.table_size: 8 is not a prime`,
    ]);
    expect(
      problems({ loadBalancingPolicy: policies(packed(RingHash, { minimumRingSize: 20, maximumRingSize: 10 })) }),
    ).toEqual([`${path}.minimum_ring_size: above maximum_ring_size`]);
    expect(
      problems({ loadBalancingPolicy: policies(packed(ClientSideWeightedRoundRobin, { enableOobLoadReport: true })) }),
    ).toEqual([`${path}.enable_oob_load_report: not supported`]);
    expect(
      problems({
        commonLbConfig: { healthyPanicThreshold: { value: 101 } },
        lbSubsetConfig: { subsetSelectors: [{ keys: [] }, { keys: ['a'], fallbackPolicy: 'KEYS_SUBSET' }] },
      }),
    ).toEqual([
      'common_lb_config.healthy_panic_threshold: must be between 0 and 100',
      'lb_subset_config.subset_selectors[0].keys: missing',
      'lb_subset_config.subset_selectors[1].fallback_keys_subset: must be some, and not all, of keys',
    ]);
  });

  test('subsets are read with their fallbacks', () => {
    const { spread } = config({
      lbSubsetConfig: {
        fallbackPolicy: 'DEFAULT_SUBSET',
        defaultSubset: { stage: 'prod', n: 1 },
        subsetSelectors: [
          { keys: ['version', 'stage'], fallbackPolicy: 'KEYS_SUBSET', fallbackKeysSubset: ['stage'] },
          { keys: ['version'], fallbackPolicy: 'ANY_ENDPOINT' },
          { keys: ['stage'] },
        ],
      },
    });
    expect(spread?.subsets).toEqual({
      selectors: [
        { keys: ['stage', 'version'], fallback: { keys: ['stage'] } },
        { keys: ['version'], fallback: 'any' },
        { keys: ['stage'], fallback: undefined },
      ],
      fallback: 'default',
      defaultSubset: [
        ['n', '1'],
        ['stage', '"prod"'],
      ],
      listAsAny: false,
      panicModeAny: false,
    });
  });
});

test('L-65: without outlier_detection the defaults of the mesh hold; with it Envoy’s, but for the share of endpoints', () => {
  expect(config({}).outlier).toBeUndefined();
  const empty = config({ outlierDetection: {} }).outlier;
  expect(empty).toMatchObject({
    consecutive5xx: 5,
    consecutiveGatewayFailure: 5,
    enforcingGatewayFailure: 0,
    maxEjectionPercent: defaultOutlier.maxEjectionPercent,
    baseEjectionMs: 30_000,
    maxEjectionMs: 300_000,
    successRate: { minimumHosts: 5, requestVolume: 100, stdevFactor: 1.9, enforcing: 100 },
    failurePercentage: { threshold: 85, enforcing: 0 },
  });
  const own = config({
    outlierDetection: {
      consecutive5xx: 2,
      maxEjectionPercent: 80,
      baseEjectionTime: '600s',
      maxEjectionTimeJitter: '1s',
      splitExternalLocalOriginErrors: true,
      successRateStdevFactor: 1_500,
    },
  }).outlier;
  expect(own).toMatchObject({
    consecutive5xx: 2,
    maxEjectionPercent: 80,
    baseEjectionMs: 600_000,
    maxEjectionMs: 600_000,
    maxEjectionJitterMs: 1_000,
    splitLocalOrigin: true,
    successRate: { stdevFactor: 1.5 },
  });
  expect(
    problems({ outlierDetection: { enforcingSuccessRate: 101, maxEjectionTime: '1s', monitors: [{ name: 'x' }] } }),
  ).toEqual([
    'outlier_detection.monitors: not supported',
    'outlier_detection.max_ejection_time: below base_ejection_time',
    'outlier_detection.enforcing_success_rate: at most 100',
  ]);
});

describe('health checks', () => {
  const check = (json: object) => config({ healthChecks: [json] }).healthCheck;

  test('L-71: what is left open has its default', () => {
    expect(check({ httpHealthCheck: { path: '/healthz' } })).toEqual({
      probe: {
        kind: 'http',
        protocol: 'http1',
        method: 'GET',
        host: '',
        path: '/healthz',
        body: undefined,
        receive: [],
        maxBodyBytes: 1_024,
        headers: [],
        withoutHeaders: [],
        expectedStatuses: [[200, 201]],
        retriableStatuses: [],
      },
      timeoutMs: 2_000,
      intervalMs: 5_000,
      noTrafficIntervalMs: 60_000,
      noTrafficHealthyIntervalMs: 60_000,
      unhealthyIntervalMs: 5_000,
      unhealthyEdgeIntervalMs: 5_000,
      healthyEdgeIntervalMs: 5_000,
      initialJitterMs: 0,
      intervalJitterMs: 0,
      intervalJitterPercent: 10,
      unhealthyThreshold: 3,
      healthyThreshold: 2,
      port: undefined,
      reuseConnection: true,
      logFailures: false,
    });
  });

  test('TCP and gRPC checks are read', () => {
    expect(check({ tcpHealthCheck: { send: { text: '50494e47' }, receive: [{ text: '2b' }] } })?.probe).toEqual({
      kind: 'tcp',
      send: Buffer.from('PING'),
      receive: [Buffer.from('+')],
    });
    expect(
      check({ grpcHealthCheck: { serviceName: 'shop', initialMetadata: [{ header: { key: 'X', value: 'y' } }] } })
        ?.probe,
    ).toEqual({ kind: 'grpc', serviceName: 'shop', authority: '', headers: [{ name: 'x', value: 'y' }] });
  });

  test('what cannot be done is named', () => {
    const first = {
      unhealthyThreshold: 0,
      altPort: 70_000,
      httpHealthCheck: {
        path: 'healthz',
        method: 'CONNECT',
        codecClientType: 'HTTP3',
        expectedStatuses: [{ start: 200, end: 200 }],
        requestHeadersToAdd: [{ header: { key: 'x', value: '%PROTOCOL%' } }],
      },
    };
    expect(problems({ healthChecks: [first, { tcpHealthCheck: {} }] })).toEqual([
      'health_checks: 2 of them; at most one',
      'health_checks[0].alt_port: must be between 1 and 65535',
      'health_checks[0].http_health_check.codec_client_type: only HTTP1 and HTTP2 are supported',
      'health_checks[0].http_health_check.path: must begin with "/"',
      'health_checks[0].http_health_check.method: CONNECT is not possible',
      'health_checks[0].http_health_check.expected_statuses[0]: must be from 100 to below 600',
      'health_checks[0].http_health_check.request_headers_to_add.[0].header.value: only plain text without "%" is supported',
      'health_checks[0].unhealthy_threshold: must be above 0',
    ]);
    expect(problems({ healthChecks: [{ tcpHealthCheck: { send: { text: 'zz' } } }] })).toEqual([
      'health_checks[0].tcp_health_check.send.text: must be hexadecimal, and not empty',
    ]);
  });
});

test('endpoints have priority, locality, health, metadata, host name and check of their own', () => {
  const address = { socketAddress: { address: '10.0.0.1', portValue: 80 } };
  const result = decodeEndpoints(
    ClusterLoadAssignment.fromJSON({
      clusterName: 'c',
      policy: { overprovisioningFactor: 200 },
      endpoints: [
        {
          priority: 1,
          locality: { region: 'r', zone: 'z', subZone: 's' },
          loadBalancingWeight: 7,
          lbEndpoints: [
            {
              healthStatus: 'DEGRADED',
              metadata: { filterMetadata: { 'envoy.lb': { version: '1', hash_key: 'k' } } },
              endpoint: {
                address,
                hostname: 'one.local',
                healthCheckConfig: { portValue: 81, hostname: 'h', disableActiveHealthCheck: true },
              },
            },
          ],
        },
      ],
    }),
  );
  expect(result.ok && result.value.endpoints[0]).toMatchObject({
    healthy: true,
    health: 'degraded',
    group: { region: 'r', zone: 'z', subZone: 's', weight: 7, priority: 1, overprovisioningFactor: 200 },
    hostname: 'one.local',
    hashKey: 'k',
    metadata: { version: '1', hash_key: 'k' },
    check: { port: 81, hostname: 'h', disabled: true },
  });
});

test('RS-19: TCP keep-alive is read, with the defaults of Linux', () => {
  const read = (tcpKeepalive: object) => config({ upstreamConnectionOptions: { tcpKeepalive } }).tcpKeepalive;
  expect(read({ keepaliveTime: 60 })).toEqual({ timeMs: 60_000, intervalMs: 75_000, probes: 9 });
  expect(config({}).tcpKeepalive).toBeUndefined();
  expect(problems({ upstreamConnectionOptions: { tcpKeepalive: { keepaliveProbes: 128 } } })).toEqual([
    'upstream_connection_options.tcp_keepalive.keepalive_probes: must be between 1 and 127',
  ]);
});
