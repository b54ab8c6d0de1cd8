import { expect, test } from 'vitest';
import { Cluster } from '../../proto/gen/envoy/config/cluster/v3/cluster.ts';
import { Listener } from '../../proto/gen/envoy/config/listener/v3/listener.ts';
import { HttpProtocolOptions } from '../../proto/gen/envoy/extensions/upstreams/http/v3/http_protocol_options.ts';
import { httpFilter } from '../../test/harness/xds-resources.ts';
import { defaultUpstreamHttp } from '../cluster/upstream-http.ts';
import type { HttpChainConfig } from '../net/listener-config.ts';
import { edgeHttp2, meshHttp2 } from '../stream/http2-settings.ts';
import { decodeCluster } from './decode-cluster.ts';
import { decodeListener } from './decode-listener.ts';
import type { Decoded } from './reader.ts';

function value<T>(decoded: Decoded<T>): T {
  if (!decoded.ok) throw new Error(decoded.problems.join('\n'));
  return decoded.value;
}

const optionsName = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

/** A cluster with these HttpProtocolOptions. */
function cluster(options: object) {
  const json = { '@type': `type.googleapis.com/${HttpProtocolOptions.$type}`, ...options };
  return decodeCluster(
    Cluster.fromJSON({ name: 'c', type: 'EDS', typedExtensionProtocolOptions: { [optionsName]: json } }),
  );
}

/** An outbound listener whose one chain has this connection manager. */
function chain(manager: object, name = 'outbound'): Decoded<HttpChainConfig> {
  const address = { socketAddress: { address: '0.0.0.0', portValue: 80 } };
  const filter = httpFilter({ routeConfig: { name: 'r' }, ...manager });
  const decoded = decodeListener(Listener.fromJSON({ name, address, filterChains: [{ filters: [filter] }] }));
  if (!decoded.ok) return decoded;
  return { ok: true, value: decoded.value.chains[0]?.protocol as HttpChainConfig };
}

test('a cluster speaks what its options say, and HTTP/1 when they say nothing', () => {
  const protocol = (options: object) => value(cluster(options)).config.protocol;
  expect(protocol({})).toBe('http1');
  expect(protocol({ explicitHttpConfig: { httpProtocolOptions: {} } })).toBe('http1');
  expect(protocol({ explicitHttpConfig: { http2ProtocolOptions: {} } })).toBe('http2');
  expect(protocol({ autoConfig: { http2ProtocolOptions: {} } })).toBe('auto');
  expect(protocol({ useDownstreamProtocolConfig: { http2ProtocolOptions: {} } })).toBe('downstream');
});

test('limits and keep-alive of a cluster’s connections are read; what is not set is as stated', () => {
  expect(value(cluster({})).config.http).toEqual(defaultUpstreamHttp);
  const options = {
    commonHttpProtocolOptions: { maxRequestsPerConnection: 7, maxConnectionDuration: '60s', idleTimeout: '9s' },
    explicitHttpConfig: {
      http2ProtocolOptions: {
        maxConcurrentStreams: 5,
        initialStreamWindowSize: 70_000,
        initialConnectionWindowSize: 80_000,
        connectionKeepalive: { interval: '3s', timeout: '2s' },
      },
    },
  };
  expect(value(cluster(options)).config).toMatchObject({
    idleTimeoutMs: 9_000,
    http: {
      maxRequestsPerConnection: 7,
      maxConnectionDurationMs: 60_000,
      http2: {
        maxConcurrentStreams: 5,
        initialStreamWindowBytes: 70_000,
        initialConnectionWindowBytes: 80_000,
        keepaliveIntervalMs: 3_000,
        keepaliveTimeoutMs: 2_000,
      },
    },
  });
});

test('values that HTTP/2 cannot have are refused, all at once and each by its path', () => {
  const http2ProtocolOptions = {
    maxConcurrentStreams: 0,
    initialStreamWindowSize: 65_534,
    initialConnectionWindowSize: 2 ** 31,
    connectionKeepalive: { interval: '0s' },
    allowMetadata: true,
  };
  const at = `typed_extension_protocol_options["${optionsName}"].explicit_http_config.http2_protocol_options`;
  const decoded = cluster({ explicitHttpConfig: { http2ProtocolOptions } });
  expect(decoded.ok ? [] : decoded.problems).toEqual([
    `${at}.allow_metadata: not supported`,
    `${at}.max_concurrent_streams: must be between 1 and 2147483647`,
    `${at}.initial_stream_window_size: must be between 65535 and 2147483647`,
    `${at}.initial_connection_window_size: must be between 65535 and 2147483647`,
    `${at}.connection_keepalive.timeout: missing`,
    `${at}.connection_keepalive.interval: must be above 0`,
  ]);
});

test('header names keep their case, and no other format is taken', () => {
  const formatted = (headerKeyFormat: object) =>
    cluster({ explicitHttpConfig: { httpProtocolOptions: { headerKeyFormat } } });
  const decoded = formatted({ properCaseWords: {} });
  expect(decoded.ok ? [] : decoded.problems).toEqual([
    `typed_extension_protocol_options["${optionsName}"].explicit_http_config.http_protocol_options.header_key_format: only preserve_case is supported`,
  ]);
});

test('a chain takes both versions unless codec_type says otherwise; its HTTP/2 has the defaults of its place', () => {
  expect(value(chain({}))).toMatchObject({ codec: 'auto', http2: meshHttp2, upgrades: {} });
  expect(value(chain({ useRemoteAddress: true }))).toMatchObject({ http2: edgeHttp2 });
  expect(value(chain({ codecType: 'HTTP2' }))).toMatchObject({ codec: 'http2' });
  const decoded = chain({ codecType: 'HTTP3' });
  expect(decoded.ok ? [] : decoded.problems).toEqual([
    'filter_chains[0].filters[0].typed_config.codec_type: only AUTO, HTTP1 and HTTP2 are supported',
  ]);
});

test('upgrades, and what a connection may live through, are read', () => {
  const manager = {
    upgradeConfigs: [{ upgradeType: 'WebSocket' }, { upgradeType: 'other', enabled: false }],
    http2ProtocolOptions: { allowConnect: true, maxConcurrentStreams: 3 },
    commonHttpProtocolOptions: { maxRequestsPerConnection: 9, maxConnectionDuration: '5s' },
  };
  expect(value(chain(manager))).toMatchObject({
    upgrades: { websocket: true, other: false },
    http2: { allowConnect: true, maxConcurrentStreams: 3 },
    maxRequestsPerConnection: 9,
    maxConnectionDurationMs: 5_000,
  });
  const decoded = chain({ upgradeConfigs: [{ upgradeType: 'CONNECT' }, { upgradeType: '' }] });
  expect(decoded.ok ? [] : decoded.problems).toEqual([
    'filter_chains[0].filters[0].typed_config.upgrade_configs[0].upgrade_type: tunnels are opened by the forward proxy only',
    'filter_chains[0].filters[0].typed_config.upgrade_configs[1].upgrade_type: missing',
  ]);
});
