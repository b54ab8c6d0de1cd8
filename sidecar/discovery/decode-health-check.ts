import { type HeaderValueOption, RequestMethod } from '../../proto/gen/envoy/config/core/v3/base.ts';
import {
  HealthCheck,
  HealthCheck_GrpcHealthCheck,
  HealthCheck_HttpHealthCheck,
  type HealthCheck_Payload,
  HealthCheck_TcpHealthCheck,
} from '../../proto/gen/envoy/config/core/v3/health_check.ts';
import { Endpoint_HealthCheckConfig } from '../../proto/gen/envoy/config/endpoint/v3/endpoint_components.ts';
import { CodecClientType } from '../../proto/gen/envoy/type/v3/http.ts';
import type { Int64Range } from '../../proto/gen/envoy/type/v3/range.ts';
import type { ClusterConfig, EndpointCheckConfig } from '../cluster/cluster-config.ts';
import type {
  GrpcProbeConfig,
  HealthCheckConfig,
  HttpProbeConfig,
  StatusRange,
  TcpProbeConfig,
} from '../cluster/health-check/health-check-config.ts';
import { decodeAddress } from './decode-address.ts';
import { fieldsOf } from './message-fields.ts';
import { join, type Reader } from './reader.ts';

export const healthCheckFields = fieldsOf(HealthCheck, {
  supported: [
    'timeout',
    'interval',
    'initialJitter',
    'intervalJitter',
    'intervalJitterPercent',
    'unhealthyThreshold',
    'healthyThreshold',
    'altPort',
    'reuseConnection',
    'healthChecker.httpHealthCheck',
    'healthChecker.tcpHealthCheck',
    'healthChecker.grpcHealthCheck',
    'noTrafficInterval',
    'noTrafficHealthyInterval',
    'unhealthyInterval',
    'unhealthyEdgeInterval',
    'healthyEdgeInterval',
    'alwaysLogHealthCheckFailures',
  ],
  ignored: { eventLogPath: 'changes go to the log of the proxy', alwaysLogHealthCheckSuccess: 'a log of what is well' },
});

export const httpHealthCheckFields = fieldsOf(HealthCheck_HttpHealthCheck, {
  supported: [
    'host',
    'path',
    'send',
    'receive',
    'responseBufferSize',
    'requestHeadersToAdd',
    'requestHeadersToRemove',
    'expectedStatuses',
    'retriableStatuses',
    'codecClientType',
    'method',
  ],
  limits: { requestHeadersToAdd: 'plain values only', codecClientType: 'HTTP1 and HTTP2' },
});

export const tcpHealthCheckFields = fieldsOf(HealthCheck_TcpHealthCheck, { supported: ['send', 'receive'] });

export const grpcHealthCheckFields = fieldsOf(HealthCheck_GrpcHealthCheck, {
  supported: ['serviceName', 'authority', 'initialMetadata'],
  limits: { serviceName: 'at most 127 bytes' },
});

export const endpointCheckFields = fieldsOf(Endpoint_HealthCheckConfig, {
  supported: ['portValue', 'hostname', 'address', 'disableActiveHealthCheck'],
});

/** Reads `health_checks`, of which there may be one, as in Envoy; nothing where there is none. */
export function decodeHealthChecks(
  reader: Reader,
  messages: readonly HealthCheck[],
): Pick<ClusterConfig, 'healthCheck'> {
  const [first, ...others] = messages;
  if (first === undefined) return {};
  if (others.length > 0) reader.problem('health_checks', `${messages.length} of them; at most one`);
  return { healthCheck: decodeHealthCheck(reader, 'health_checks[0]', first) };
}

function decodeHealthCheck(reader: Reader, path: string, message: HealthCheck): HealthCheckConfig {
  reader.only(path, message, healthCheckFields);
  const duration = (field: string, value: HealthCheck['timeout'], fallback: number): number =>
    reader.positiveDuration(join(path, field), value, fallback);
  const threshold = (field: string, value: number | undefined, fallback: number): number => {
    if (value === 0) reader.problem(join(path, field), 'must be above 0');
    return value ?? fallback;
  };
  const intervalMs = duration('interval', message.interval, 5_000);
  const unhealthyIntervalMs = duration('unhealthy_interval', message.unhealthyInterval, intervalMs);
  const noTrafficIntervalMs = duration('no_traffic_interval', message.noTrafficInterval, 60_000);
  if (message.altPort !== undefined && (message.altPort === 0 || message.altPort > 65_535)) {
    reader.problem(join(path, 'alt_port'), 'must be between 1 and 65535');
  }
  const jittered = message.intervalJitter !== undefined || message.intervalJitterPercent > 0;
  return {
    probe: decodeProbe(reader, path, message.healthChecker),
    timeoutMs: duration('timeout', message.timeout, 2_000),
    intervalMs,
    noTrafficIntervalMs,
    noTrafficHealthyIntervalMs: duration(
      'no_traffic_healthy_interval',
      message.noTrafficHealthyInterval,
      noTrafficIntervalMs,
    ),
    unhealthyIntervalMs,
    unhealthyEdgeIntervalMs: duration('unhealthy_edge_interval', message.unhealthyEdgeInterval, unhealthyIntervalMs),
    healthyEdgeIntervalMs: duration('healthy_edge_interval', message.healthyEdgeInterval, intervalMs),
    initialJitterMs: reader.duration(join(path, 'initial_jitter'), message.initialJitter, 0),
    intervalJitterMs: reader.duration(join(path, 'interval_jitter'), message.intervalJitter, 0),
    intervalJitterPercent: jittered ? message.intervalJitterPercent : 10,
    unhealthyThreshold: threshold('unhealthy_threshold', message.unhealthyThreshold, 3),
    healthyThreshold: threshold('healthy_threshold', message.healthyThreshold, 2),
    port: message.altPort,
    reuseConnection: message.reuseConnection ?? true,
    logFailures: message.alwaysLogHealthCheckFailures,
  };
}

function decodeProbe(reader: Reader, path: string, checker: HealthCheck['healthChecker']): HealthCheckConfig['probe'] {
  switch (checker?.$case) {
    case 'httpHealthCheck':
      return decodeHttp(reader, join(path, 'http_health_check'), checker.value);
    case 'grpcHealthCheck':
      return decodeGrpc(reader, join(path, 'grpc_health_check'), checker.value);
    case 'tcpHealthCheck':
      return decodeTcp(reader, join(path, 'tcp_health_check'), checker.value);
    default:
      if (checker === undefined) reader.problem(join(path, 'health_checker'), 'missing');
      return { kind: 'tcp', send: Buffer.alloc(0), receive: [] };
  }
}

function decodeHttp(reader: Reader, path: string, message: HealthCheck_HttpHealthCheck): HttpProbeConfig {
  reader.only(path, message, httpHealthCheckFields);
  const { HTTP1, HTTP2 } = CodecClientType;
  if (message.codecClientType !== HTTP1 && message.codecClientType !== HTTP2) {
    reader.problem(join(path, 'codec_client_type'), 'only HTTP1 and HTTP2 are supported');
  }
  if (!/^\/[\x21-\x7e]*$/.test(message.path)) reader.problem(join(path, 'path'), 'must begin with "/"');
  if (!/^[\x21-\x7e]*$/.test(message.host)) reader.problem(join(path, 'host'), 'not a host');
  if (message.method === RequestMethod.CONNECT) reader.problem(join(path, 'method'), 'CONNECT is not possible');
  const body = message.send === undefined ? undefined : decodePayload(reader, join(path, 'send'), message.send);
  const ranges = (field: string, list: readonly Int64Range[]): StatusRange[] =>
    list.map(({ start, end }, index) => {
      if (!(start >= 100 && end <= 600 && start < end)) {
        reader.problem(join(path, `${field}[${index}]`), 'must be from 100 to below 600');
      }
      return [start, end];
    });
  const expected = ranges('expected_statuses', message.expectedStatuses);
  return {
    kind: 'http',
    protocol: message.codecClientType === HTTP2 ? 'http2' : 'http1',
    method: methodNames[message.method] ?? 'GET',
    host: message.host,
    path: message.path,
    body,
    receive: message.receive.map((one, index) => decodePayload(reader, join(path, `receive[${index}]`), one)),
    maxBodyBytes: message.responseBufferSize === undefined ? 1_024 : message.responseBufferSize || 1_048_576,
    headers: decodeHeaders(reader, join(path, 'request_headers_to_add'), message.requestHeadersToAdd),
    withoutHeaders: message.requestHeadersToRemove.map((name) => name.toLowerCase()),
    expectedStatuses: expected.length === 0 ? [[200, 201]] : expected,
    retriableStatuses: ranges('retriable_statuses', message.retriableStatuses),
  };
}

const methodNames: Readonly<Record<number, string>> = {
  [RequestMethod.GET]: 'GET',
  [RequestMethod.HEAD]: 'HEAD',
  [RequestMethod.POST]: 'POST',
  [RequestMethod.PUT]: 'PUT',
  [RequestMethod.DELETE]: 'DELETE',
  [RequestMethod.OPTIONS]: 'OPTIONS',
  [RequestMethod.TRACE]: 'TRACE',
  [RequestMethod.PATCH]: 'PATCH',
};

function decodeGrpc(reader: Reader, path: string, message: HealthCheck_GrpcHealthCheck): GrpcProbeConfig {
  reader.only(path, message, grpcHealthCheckFields);
  if (Buffer.byteLength(message.serviceName) > 127) reader.problem(join(path, 'service_name'), 'longer than 127 bytes');
  return {
    kind: 'grpc',
    serviceName: message.serviceName,
    authority: message.authority,
    headers: decodeHeaders(reader, join(path, 'initial_metadata'), message.initialMetadata),
  };
}

function decodeTcp(reader: Reader, path: string, message: HealthCheck_TcpHealthCheck): TcpProbeConfig {
  reader.only(path, message, tcpHealthCheckFields);
  return {
    kind: 'tcp',
    send: message.send === undefined ? Buffer.alloc(0) : decodePayload(reader, join(path, 'send'), message.send),
    receive: message.receive.map((one, index) => decodePayload(reader, join(path, `receive[${index}]`), one)),
  };
}

/** Text is hexadecimal, as in Envoy. */
function decodePayload(reader: Reader, path: string, { payload }: HealthCheck_Payload): Buffer {
  if (payload?.$case === 'binary') return Buffer.from(payload.value);
  if (payload === undefined || !/^([0-9a-fA-F]{2})+$/.test(payload.value)) {
    reader.problem(join(path, 'text'), 'must be hexadecimal, and not empty');
    return Buffer.alloc(0);
  }
  return Buffer.from(payload.value, 'hex');
}

function decodeHeaders(
  reader: Reader,
  path: string,
  options: readonly HeaderValueOption[],
): { name: string; value: string }[] {
  return options.map(({ header }, index) => {
    const [name, value] = [header?.key ?? '', header?.value ?? ''];
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) reader.problem(join(path, `[${index}].header.key`), 'not a name');
    if (!/^[\x20-\x7e]*$/.test(value) || value.includes('%')) {
      reader.problem(join(path, `[${index}].header.value`), 'only plain text without "%" is supported');
    }
    return { name: name.toLowerCase(), value };
  });
}

/** Reads `health_check_config` of an endpoint. */
export function decodeEndpointCheck(
  reader: Reader,
  path: string,
  message: Endpoint_HealthCheckConfig,
): EndpointCheckConfig {
  reader.only(path, message, endpointCheckFields);
  if (message.portValue > 65_535) reader.problem(join(path, 'port_value'), 'must be between 0 and 65535');
  const other =
    message.address === undefined ? undefined : decodeAddress(reader, join(path, 'address'), message.address, 0);
  return {
    disabled: message.disableActiveHealthCheck,
    ...(message.portValue === 0 ? {} : { port: message.portValue }),
    ...(message.hostname === '' ? {} : { hostname: message.hostname }),
    ...(other === undefined ? {} : { address: other.address, ...(other.port === 0 ? {} : { port: other.port }) }),
  };
}
