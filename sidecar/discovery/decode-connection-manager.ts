import { HttpProtocolOptions as CommonOptions } from '../../proto/gen/envoy/config/core/v3/protocol.ts';
import {
  HttpConnectionManager,
  HttpConnectionManager_CodecType,
} from '../../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.ts';
import type { HttpChainConfig } from '../net/listener-config.ts';
import type { Direction } from '../observe/stream-info.ts';
import { edgeHttp2, meshHttp2 } from '../stream/http2-settings.ts';
import { decodeHttpFilters } from './decode-http-filters.ts';
import { decodeHttp2Options } from './decode-http2-options.ts';
import { readRouteTable } from './decode-route.ts';
import { checkSource } from './decode-source.ts';
import { decodeChainUpgrades } from './decode-upgrades.ts';
import { fieldsOf } from './message-fields.ts';
import { join, type Reader } from './reader.ts';

export const connectionManagerFields = fieldsOf(HttpConnectionManager, {
  supported: [
    'codecType',
    'routeSpecifier.rds',
    'routeSpecifier.routeConfig',
    'httpFilters',
    'commonHttpProtocolOptions',
    'http2ProtocolOptions',
    'upgradeConfigs',
    'requestHeadersTimeout',
    'streamIdleTimeout',
    'requestTimeout',
    'useRemoteAddress',
  ],
  ignored: {
    statPrefix: 'metrics are named by the listener',
    accessLog: 'the log is set by flags',
    accessLogFlushInterval: 'the log is set by flags',
    flushAccessLogOnNewRequest: 'the log is set by flags',
    accessLogOptions: 'the log is set by flags',
    tracing: 'tracing is set by flags',
    httpProtocolOptions: 'HTTP/1.1 is read strictly, whatever this says',
    http3ProtocolOptions: 'HTTP/3 is not spoken',
    serverName: 'the name is heddle, at the edge only',
    serverHeaderTransformation: 'an upstream’s own name is kept',
    maxRequestHeadersKb: 'a head has at most 16 KiB at the edge, 32 KiB in the mesh',
    drainTimeout: 'connections drain within the time of --drain-seconds',
    delayedCloseTimeout: 'connections close as RFC 9112 section 9.6 asks',
    internalAddressConfig: 'who is trusted is told by mTLS, not by address',
    generateRequestId: 'a request always has an id',
    preserveExternalRequestId: 'an id from outside is replaced at the edge',
    alwaysSetRequestIdInResponse: 'errors of the proxy carry the id',
    forwardClientCertDetails: 'the caller’s identity is always written anew',
    setCurrentClientCertDetails: 'the caller’s identity is always written anew',
    normalizePath: 'paths are always normalised',
    mergeSlashes: 'paths are always normalised',
    pathWithEscapedSlashesAction: 'paths are always normalised',
    stripTrailingHostDot: 'the dot is always stripped',
    streamErrorOnInvalidHttpMessage: 'an invalid message always ends the connection',
  },
  limits: {
    codecType: '`AUTO`, `HTTP1` and `HTTP2`',
    httpFilters: 'those of the table of filters; others when `is_optional` or `disabled`',
  },
});

export const commonOptionsFields = fieldsOf(CommonOptions, {
  supported: ['idleTimeout', 'maxStreamDuration', 'maxConnectionDuration', 'maxRequestsPerConnection'],
  ignored: { headersWithUnderscoresAction: 'such names are refused at the edge' },
  place: 'of a connection manager',
});

/**
 * Reads `http_connection_manager`. A chain is at the edge when it uses the connection's own address as the client's
 * (`use_remote_address`) or belongs to a gateway.
 */
export function decodeConnectionManager(
  reader: Reader,
  path: string,
  message: HttpConnectionManager,
  direction: Direction,
): HttpChainConfig {
  reader.only(path, message, connectionManagerFields);
  const common = message.commonHttpProtocolOptions;
  const commonPath = join(path, 'common_http_protocol_options');
  if (common !== undefined) reader.only(commonPath, common, commonOptionsFields);
  const edge = direction === 'gateway' || message.useRemoteAddress === true;
  return {
    kind: 'http',
    routes: decodeRoutes(reader, path, message),
    filters: decodeHttpFilters(reader, path, message.httpFilters),
    edge,
    idleTimeoutMs: reader.positiveDuration(
      join(commonPath, 'idle_timeout'),
      common?.idleTimeout,
      edge ? 60_000 : 3_600_000,
    ),
    headersTimeoutMs: reader.positiveDuration(
      join(path, 'request_headers_timeout'),
      message.requestHeadersTimeout,
      10_000,
    ),
    streamIdleTimeoutMs: reader.duration(join(path, 'stream_idle_timeout'), message.streamIdleTimeout, 300_000),
    requestTimeoutMs: reader.duration(join(path, 'request_timeout'), message.requestTimeout, 0),
    maxStreamDurationMs: reader.duration(join(commonPath, 'max_stream_duration'), common?.maxStreamDuration, 0),
    codec: decodeCodec(reader, join(path, 'codec_type'), message.codecType),
    http2: decodeHttp2Options(
      reader,
      join(path, 'http2_protocol_options'),
      message.http2ProtocolOptions,
      edge ? edgeHttp2 : meshHttp2,
    ),
    upgrades: decodeChainUpgrades(reader, join(path, 'upgrade_configs'), message.upgradeConfigs),
    ...decodeLimits(reader, commonPath, common),
  };
}

function decodeCodec(reader: Reader, path: string, type: HttpConnectionManager_CodecType): HttpChainConfig['codec'] {
  switch (type) {
    case HttpConnectionManager_CodecType.AUTO:
      return 'auto';
    case HttpConnectionManager_CodecType.HTTP1:
      return 'http1';
    case HttpConnectionManager_CodecType.HTTP2:
      return 'http2';
    default:
      reader.problem(path, 'only AUTO, HTTP1 and HTTP2 are supported');
      return 'auto';
  }
}

/** What a connection may live through before it ends. */
function decodeLimits(
  reader: Reader,
  path: string,
  common: CommonOptions | undefined,
): Pick<HttpChainConfig, 'maxRequestsPerConnection' | 'maxConnectionDurationMs'> {
  const { maxRequestsPerConnection, maxConnectionDuration } = common ?? {};
  const durationPath = join(path, 'max_connection_duration');
  return {
    // As in Envoy, 0 is no limit.
    ...(maxRequestsPerConnection === undefined ? {} : { maxRequestsPerConnection }),
    ...(maxConnectionDuration === undefined
      ? {}
      : { maxConnectionDurationMs: reader.positiveDuration(durationPath, maxConnectionDuration, 0) }),
  };
}

function decodeRoutes(reader: Reader, path: string, message: HttpConnectionManager): HttpChainConfig['routes'] {
  const specifier = message.routeSpecifier;
  switch (specifier?.$case) {
    case 'rds':
      checkSource(reader, join(path, 'rds.config_source'), specifier.value.configSource, 'route');
      return {
        kind: 'rds',
        name: reader.required(join(path, 'rds.route_config_name'), specifier.value.routeConfigName),
      };
    case 'routeConfig':
      return { kind: 'inline', table: readRouteTable(reader, join(path, 'route_config'), specifier.value) };
    default:
      if (specifier === undefined)
        reader.problem(join(path, 'route_specifier'), 'one of rds and route_config must be set');
      return { kind: 'rds', name: '' };
  }
}
