import { describe, expect, test } from 'vitest';
import { formatPath } from '../../../lib/field-path.ts';
import { Cluster } from '../../../proto/gen/envoy/config/cluster/v3/cluster.ts';
import { Node } from '../../../proto/gen/envoy/config/core/v3/base.ts';
import { Listener } from '../../../proto/gen/envoy/config/listener/v3/listener.ts';
import { HttpConnectionManager } from '../../../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.ts';
import { HttpProtocolOptions } from '../../../proto/gen/envoy/extensions/upstreams/http/v3/http_protocol_options.ts';
import { UInt64Value } from '../../../proto/gen/google/protobuf/wrappers.ts';
import { JsonReader } from './json-reader.ts';

const cluster = 'envoy.config.cluster.v3.Cluster';
const optionsName = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

function read(type: string, value: unknown): Uint8Array {
  const reader = new JsonReader();
  const bytes = reader.read(type, value, []);
  expect(reader.problems).toEqual([]);
  return bytes;
}

/** `path message (hint)` of each problem. */
function problems(value: unknown, type = cluster): string[] {
  const reader = new JsonReader();
  reader.read(type, value, []);
  return reader.problems.map(
    ({ path, message, hint }) => `${formatPath(path)} ${message}${hint === undefined ? '' : ` (${hint})`}`,
  );
}

test('every kind of field is read, by both of its names', () => {
  const message = Cluster.decode(
    read(cluster, {
      name: 'api',
      type: 'STRICT_DNS',
      connect_timeout: '1.5s',
      lbPolicy: 1,
      per_connection_buffer_limit_bytes: 4096,
      circuit_breakers: { thresholds: [{ priority: 'HIGH', max_requests: '7' }] },
      leastRequestLbConfig: { choice_count: 3 },
      metadata: { filter_metadata: { own: { a: [1, 'x', null, { b: true }] } } },
      typed_extension_protocol_options: {
        [optionsName]: {
          '@type': `type.googleapis.com/${optionsName}`,
          explicit_http_config: { http_protocol_options: {} },
        },
      },
      load_assignment: null,
    }),
  );
  expect(message).toMatchObject({
    name: 'api',
    clusterDiscoveryType: { $case: 'type', value: 1 },
    connectTimeout: { seconds: 1, nanos: 500_000_000 },
    lbPolicy: 1,
    perConnectionBufferLimitBytes: 4096,
    circuitBreakers: { thresholds: [{ priority: 1, maxRequests: 7 }] },
    lbConfig: { $case: 'leastRequestLbConfig', value: { choiceCount: 3 } },
    metadata: { filterMetadata: { own: { a: [1, 'x', null, { b: true }] } } },
    loadAssignment: undefined,
  });
  const packed = message.typedExtensionProtocolOptions[optionsName];
  expect(HttpProtocolOptions.decode(packed?.value ?? Buffer.alloc(0)).upstreamProtocolOptions).toMatchObject({
    $case: 'explicitHttpConfig',
    value: { protocolConfig: { $case: 'httpProtocolOptions' } },
  });
});

test('an Any in an Any is read, and its problems have their whole path', () => {
  const manager = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
  const router = { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' };
  const listener = (filter: object) => ({
    filter_chains: [
      {
        filters: [
          {
            name: 'hcm',
            typed_config: {
              '@type': `type.googleapis.com/${manager}`,
              stat_prefix: 'in',
              http_filters: [{ name: 'router', typed_config: filter }],
            },
          },
        ],
      },
    ],
  });
  const type = 'envoy.config.listener.v3.Listener';
  const config = Listener.decode(read(type, listener(router))).filterChains[0]?.filters[0]?.configType;
  expect(config?.$case === 'typedConfig' && HttpConnectionManager.decode(config.value.value)).toMatchObject({
    statPrefix: 'in',
    httpFilters: [{ configType: { value: { typeUrl: router['@type'] } } }],
  });
  const path = 'filter_chains[0].filters[0].typed_config.http_filters[0].typed_config';
  expect(problems(listener({ ...router, dynamic_stat: true }), type)).toEqual([
    `${path}.dynamic_stat unknown field \`dynamic_stat\` (did you mean \`dynamic_stats\`?)`,
  ]);
  expect(problems(listener({ dynamic_stats: true }), type)[0]).toContain(`${path} \`@type\` is missing`);
});

test('a type that is not known is left to who wants to read it', () => {
  const filter = { name: 'x', typed_config: { '@type': 'type.googleapis.com/acme.Filter', anything: [1] } };
  const bytes = read('envoy.config.listener.v3.Filter', filter);
  expect(Buffer.from(bytes).toString('latin1')).toContain('type.googleapis.com/acme.Filter');
});

test('names of enums are taken in any case', () => {
  const type = 'envoy.extensions.transport_sockets.tls.v3.TlsParameters';
  expect(problems({ tls_minimum_protocol_version: 'TLSv1_2', tls_maximum_protocol_version: 'tlsv1_3' }, type)).toEqual(
    [],
  );
  expect(problems({ type: 'strict_dns' })).toEqual([]);
});

test('64-bit numbers keep every digit', () => {
  const bytes = read('google.protobuf.UInt64Value', '9007199254740991');
  expect(UInt64Value.decode(bytes).value).toBe(9007199254740991);
  expect(problems(2 ** 60, 'google.protobuf.UInt64Value')).toEqual([' has too many digits (write it in quotes)']);
  expect(problems('18446744073709551616', 'google.protobuf.UInt64Value')[0]).toContain('does not fit into 64 bits');
});

test('a message with nothing in it, and one that is null, are both fine', () => {
  expect(Node.decode(read('envoy.config.core.v3.Node', {})).id).toBe('');
  expect(problems(null, 'envoy.config.core.v3.Node')).toEqual([' must be a map, not null']);
});

describe('problems', () => {
  test.each<[string, object, string]>([
    ['CF-05: a typo', { nmae: 'a' }, 'nmae unknown field `nmae` (did you mean `name`?)'],
    ['CF-05: a typo of an enum', { lb_policy: 'ROUND_ROBN' }, 'did you mean ROUND_ROBIN?'],
    ['an enum number', { lb_policy: 99 }, 'lb_policy must be one of ROUND_ROBIN'],
    ['CF-04: a number for a string', { name: 2 }, 'name must be a string, not 2 (write it in quotes: "2")'],
    ['CF-04: a word for a switch', { respect_dns_ttl: 'on' }, 'respect_dns_ttl must be true or false, not "on"'],
    ['CF-08: a duration without unit', { connect_timeout: 5 }, '(write "5s")'],
    ['CF-08: milliseconds', { connect_timeout: '250ms' }, '(write "0.25s")'],
    ['CF-08: no number', { connect_timeout: 'NaN' }, 'must be a duration in seconds'],
    ['CF-08: too long', { connect_timeout: '999999999999s' }, 'longer than 10,000 years'],
    ['a number out of range', { per_connection_buffer_limit_bytes: -1 }, '-1 is not between 0 and 4294967295'],
    ['half a number', { per_connection_buffer_limit_bytes: 1.5 }, 'must be a whole number, not 1.5'],
    ['two of a oneof', { type: 'STATIC', cluster_type: {} }, 'only one of `type` and `cluster_type` may be set'],
    ['both names of a field', { lb_policy: 0, lbPolicy: 1 }, 'only one of `lb_policy` and `lbPolicy` may be set'],
    ['one for a list', { dns_resolvers: { pipe: {} } }, 'must be a list, not a map (begin each item with "- ")'],
    ['null in a list', { dns_resolvers: [null] }, 'dns_resolvers[0] must be a map, not null'],
  ])('%s', (_, value, problem) => {
    expect(problems(value)).toEqual([expect.stringContaining(problem)]);
  });

  test('bytes that are not base64', () => {
    const type = 'envoy.config.core.v3.DataSource';
    expect(problems({ inline_bytes: 'a*b' }, type)).toEqual(['inline_bytes is not base64']);
    for (const text of ['aGVkZGxl', '_-8', '/+8=']) expect(problems({ inline_bytes: text }, type)).toEqual([]);
  });

  test('all are listed at once, up to a thousand', () => {
    expect(problems({ nmae: 1, type: 'X', connect_timeout: 1 })).toHaveLength(3);
    expect(problems({ dns_resolvers: Array.from({ length: 2_000 }, () => 1) })).toHaveLength(1_000);
  });
});
