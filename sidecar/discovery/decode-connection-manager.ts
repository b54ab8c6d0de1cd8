import { Router } from '../../proto/gen/envoy/extensions/filters/http/router/v3/router.ts';
import {
  type HttpConnectionManager,
  HttpConnectionManager_CodecType,
} from '../../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.ts';
import type { Duration } from '../../proto/gen/google/protobuf/duration.ts';
import type { HttpChainConfig } from '../net/listener-config.ts';
import type { Direction } from '../observe/stream-info.ts';
import { readRouteTable } from './decode-route.ts';
import { checkAds } from './decode-tls.ts';
import { isType, join, type Reader } from './reader.ts';

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
  reader.only(path, message, [
    'codecType',
    'routeSpecifier',
    'httpFilters',
    'commonHttpProtocolOptions',
    'requestHeadersTimeout',
    'streamIdleTimeout',
    'requestTimeout',
    'useRemoteAddress',
    ...harmless,
  ]);
  const { AUTO, HTTP1 } = HttpConnectionManager_CodecType;
  if (message.codecType !== AUTO && message.codecType !== HTTP1) {
    reader.problem(join(path, 'codec_type'), 'only AUTO and HTTP1 are supported');
  }
  checkHttpFilters(reader, path, message);
  const common = message.commonHttpProtocolOptions;
  const commonPath = join(path, 'common_http_protocol_options');
  if (common !== undefined) reader.only(commonPath, common, ['idleTimeout', 'headersWithUnderscoresAction']);
  if (isSet(message.requestTimeout)) reader.problem(join(path, 'request_timeout'), 'not supported');
  // Idle time of a stream is a property of its route; Envoy's default for it is the same as ours.
  if (isSet(message.streamIdleTimeout) && message.streamIdleTimeout.seconds !== 300) {
    reader.problem(join(path, 'stream_idle_timeout'), 'not supported; set idle_timeout on the routes');
  }
  const edge = direction === 'gateway' || message.useRemoteAddress === true;
  return {
    kind: 'http',
    routes: decodeRoutes(reader, path, message),
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
  };
}

/**
 * Fields passed over: names and logs; HTTP/2 and 3 settings, which are not spoken; and the normalising and
 * stripping that is always done here.
 */
const harmless = [
  'statPrefix',
  'accessLog',
  'accessLogFlushInterval',
  'flushAccessLogOnNewRequest',
  'accessLogOptions',
  'tracing',
  'httpProtocolOptions',
  'http2ProtocolOptions',
  'http3ProtocolOptions',
  'serverName',
  'serverHeaderTransformation',
  'maxRequestHeadersKb',
  'drainTimeout',
  'delayedCloseTimeout',
  'internalAddressConfig',
  'generateRequestId',
  'preserveExternalRequestId',
  'alwaysSetRequestIdInResponse',
  'forwardClientCertDetails',
  'setCurrentClientCertDetails',
  'upgradeConfigs',
  'normalizePath',
  'mergeSlashes',
  'pathWithEscapedSlashesAction',
  'stripTrailingHostDot',
  'streamErrorOnInvalidHttpMessage',
] as const satisfies readonly (keyof HttpConnectionManager)[];

function isSet(duration: Duration | undefined): duration is Duration {
  return duration !== undefined && (duration.seconds !== 0 || duration.nanos !== 0);
}

function checkHttpFilters(reader: Reader, path: string, message: HttpConnectionManager): void {
  for (const [index, filter] of message.httpFilters.entries()) {
    const packed = filter.configType?.$case === 'typedConfig' ? filter.configType.value : undefined;
    if (isType(packed, Router) || filter.disabled || filter.isOptional) continue;
    reader.problem(
      join(path, `http_filters[${index}].typed_config`),
      `unsupported type ${packed?.typeUrl ?? '(none)'}`,
    );
  }
}

function decodeRoutes(reader: Reader, path: string, message: HttpConnectionManager): HttpChainConfig['routes'] {
  const specifier = message.routeSpecifier;
  switch (specifier?.$case) {
    case 'rds':
      checkAds(reader, join(path, 'rds.config_source'), specifier.value.configSource);
      return {
        kind: 'rds',
        name: reader.required(join(path, 'rds.route_config_name'), specifier.value.routeConfigName),
      };
    case 'routeConfig':
      return { kind: 'inline', table: readRouteTable(reader, join(path, 'route_config'), specifier.value) };
    default:
      reader.problem(join(path, 'route_specifier'), 'only rds and route_config are supported');
      return { kind: 'rds', name: '' };
  }
}
