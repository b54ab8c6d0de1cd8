import { FilterConfig as GrpcStats } from '../../../proto/gen/envoy/extensions/filters/http/grpc_stats/v3/config.ts';
import { GrpcWeb } from '../../../proto/gen/envoy/extensions/filters/http/grpc_web/v3/grpc_web.ts';
import type { Any } from '../../../proto/gen/google/protobuf/any.ts';
import { GrpcMessageLimit } from '../../../proto/gen/heddle/filters/v1/grpc_message_limit.ts';
import type { GrpcMessageLimitConfig } from '../../filters/grpc-message-limit.ts';
import type { GrpcWebConfig } from '../../filters/grpc-web/grpc-web.ts';
import { fieldsOf } from '../message-fields.ts';
import type { Reader } from '../reader.ts';
import type { DecodedOverride } from './decoded-override.ts';

export const grpcWebFields = fieldsOf(GrpcWeb, { supported: [] });

export const grpcMessageLimitFields = fieldsOf(GrpcMessageLimit, {
  supported: ['maxRequestBytes', 'maxResponseBytes'],
});

const alwaysCounted = 'requests are always counted, by route, service and gRPC status';

export const grpcStatsFields = fieldsOf(GrpcStats, {
  supported: [],
  ignored: {
    'perMethodStatSpecifier.individualMethodStatsAllowlist': alwaysCounted,
    'perMethodStatSpecifier.statsForAllMethods': alwaysCounted,
    enableUpstreamStats: alwaysCounted,
    replaceDotsInGrpcServiceName: alwaysCounted,
  },
});

const defaultMaxBytes = 4 * 1_048_576;

export function decodeGrpcWeb(reader: Reader, path: string, packed: Any): GrpcWebConfig | undefined {
  return reader.unpack(path, packed, GrpcWeb) === undefined ? undefined : { kind: 'grpc-web' };
}

/** There is no such filter: what it would count is counted without it. */
export function decodeGrpcStats(reader: Reader, path: string, packed: Any): undefined {
  const message = reader.unpack(path, packed, GrpcStats);
  if (message !== undefined) reader.only(path, message, grpcStatsFields);
}

export function decodeGrpcMessageLimit(reader: Reader, path: string, packed: Any): GrpcMessageLimitConfig | undefined {
  const message = reader.unpack(path, packed, GrpcMessageLimit);
  if (message === undefined) return undefined;
  reader.only(path, message, grpcMessageLimitFields);
  const { maxRequestBytes = defaultMaxBytes, maxResponseBytes = defaultMaxBytes } = message;
  return { kind: 'grpc-message-limit', maxRequestBytes, maxResponseBytes };
}

export function decodeGrpcMessageLimitOverride(reader: Reader, path: string, packed: Any): DecodedOverride | undefined {
  const config = decodeGrpcMessageLimit(reader, path, packed);
  return config === undefined ? undefined : { disabled: false, config };
}
