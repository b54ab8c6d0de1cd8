import { createHash } from 'node:crypto';
import { AdaptiveConcurrency } from '../../proto/gen/envoy/extensions/filters/http/adaptive_concurrency/v3/adaptive_concurrency.ts';
import { AdmissionControl } from '../../proto/gen/envoy/extensions/filters/http/admission_control/v3/admission_control.ts';
import { Buffer, BufferPerRoute } from '../../proto/gen/envoy/extensions/filters/http/buffer/v3/buffer.ts';
import { Cors, CorsPolicy } from '../../proto/gen/envoy/extensions/filters/http/cors/v3/cors.ts';
import { HTTPFault } from '../../proto/gen/envoy/extensions/filters/http/fault/v3/fault.ts';
import { FilterConfig as GrpcStats } from '../../proto/gen/envoy/extensions/filters/http/grpc_stats/v3/config.ts';
import { GrpcWeb } from '../../proto/gen/envoy/extensions/filters/http/grpc_web/v3/grpc_web.ts';
import {
  HeaderMutation,
  HeaderMutationPerRoute,
} from '../../proto/gen/envoy/extensions/filters/http/header_mutation/v3/header_mutation.ts';
import { HealthCheck } from '../../proto/gen/envoy/extensions/filters/http/health_check/v3/health_check.ts';
import { LocalRateLimit } from '../../proto/gen/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit.ts';
import { Router } from '../../proto/gen/envoy/extensions/filters/http/router/v3/router.ts';
import {
  StatefulSession,
  StatefulSessionPerRoute,
} from '../../proto/gen/envoy/extensions/filters/http/stateful_session/v3/stateful_session.ts';
import { HttpFilter } from '../../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.ts';
import type { Any } from '../../proto/gen/google/protobuf/any.ts';
import { GrpcMessageLimit } from '../../proto/gen/heddle/filters/v1/grpc_message_limit.ts';
import type { ConfiguredFilter, HttpFilterConfig } from '../http-filter-config.ts';
import { decodeAdaptiveConcurrency } from './http-filters/decode-adaptive-concurrency.ts';
import { decodeAdmissionControl } from './http-filters/decode-admission-control.ts';
import { decodeBuffer, decodeBufferOverride } from './http-filters/decode-buffer.ts';
import { decodeCors, decodeCorsPolicy } from './http-filters/decode-cors.ts';
import { decodeFault, decodeFaultOverride } from './http-filters/decode-fault.ts';
import {
  decodeGrpcMessageLimit,
  decodeGrpcMessageLimitOverride,
  decodeGrpcStats,
  decodeGrpcWeb,
} from './http-filters/decode-grpc-filters.ts';
import { decodeHeaderMutation, decodeHeaderMutationOverride } from './http-filters/decode-header-mutation.ts';
import { decodeHealthCheck } from './http-filters/decode-health-check.ts';
import { decodeLocalRateLimit, decodeLocalRateLimitOverride } from './http-filters/decode-local-rate-limit.ts';
import { decodeStatefulSession, decodeStatefulSessionOverride } from './http-filters/decode-stateful-session.ts';
import type { DecodedOverride } from './http-filters/decoded-override.ts';
import { fieldsOf } from './message-fields.ts';
import { isType, join, type Reader } from './reader.ts';

export const httpFilterFields = fieldsOf(HttpFilter, {
  supported: ['name', 'configType.typedConfig', 'isOptional', 'disabled'],
});

type Decoder<T> = (reader: Reader, path: string, packed: Any) => T | undefined;

/** By the type of `typed_config` in `http_filters`. */
const filterDecoders: ReadonlyMap<string, Decoder<HttpFilterConfig>> = new Map<string, Decoder<HttpFilterConfig>>([
  [AdaptiveConcurrency.$type, decodeAdaptiveConcurrency],
  [AdmissionControl.$type, decodeAdmissionControl],
  [Buffer.$type, decodeBuffer],
  [GrpcMessageLimit.$type, decodeGrpcMessageLimit],
  [GrpcStats.$type, decodeGrpcStats],
  [GrpcWeb.$type, decodeGrpcWeb],
  [HeaderMutation.$type, decodeHeaderMutation],
  [HealthCheck.$type, decodeHealthCheck],
  [Cors.$type, decodeCors],
  [HTTPFault.$type, decodeFault],
  [LocalRateLimit.$type, decodeLocalRateLimit],
  [StatefulSession.$type, decodeStatefulSession],
]);

/** By the type in `typed_per_filter_config`. */
const overrideDecoders: ReadonlyMap<string, Decoder<DecodedOverride>> = new Map<string, Decoder<DecodedOverride>>([
  [BufferPerRoute.$type, decodeBufferOverride],
  [GrpcMessageLimit.$type, decodeGrpcMessageLimitOverride],
  [HeaderMutationPerRoute.$type, decodeHeaderMutationOverride],
  [CorsPolicy.$type, decodeCorsPolicy],
  [HTTPFault.$type, decodeFaultOverride],
  [LocalRateLimit.$type, decodeLocalRateLimitOverride],
  [StatefulSessionPerRoute.$type, decodeStatefulSessionOverride],
]);

/**
 * Reads `http_filters`, without the router, which must be the last of them if it is there. A filter of a type that is
 * not known is refused, or left out where it says `is_optional` or `disabled`.
 */
export function decodeHttpFilters(reader: Reader, path: string, filters: readonly HttpFilter[]): ConfiguredFilter[] {
  const configured: ConfiguredFilter[] = [];
  const names = new Set<string>();
  for (const [index, filter] of filters.entries()) {
    const at = join(path, `http_filters[${index}]`);
    reader.only(at, filter, httpFilterFields);
    const packed = filter.configType?.$case === 'typedConfig' ? filter.configType.value : undefined;
    if (isType(packed, Router)) {
      if (index < filters.length - 1) reader.problem(at, 'the router must be the last filter');
      continue;
    }
    const decode = packed === undefined ? undefined : filterDecoders.get(typeOf(packed));
    if (packed === undefined || decode === undefined) {
      if (filter.disabled || filter.isOptional) continue;
      reader.problem(join(at, 'typed_config'), `unsupported type ${packed?.typeUrl ?? '(none)'}`);
      continue;
    }
    const name = reader.required(join(at, 'name'), filter.name);
    if (names.has(name)) reader.problem(join(at, 'name'), `"${name}" is there twice`);
    names.add(name);
    const config = decode(reader, join(at, 'typed_config'), packed);
    if (config !== undefined) configured.push({ name, disabled: filter.disabled, config, version: versionOf(packed) });
  }
  return configured;
}

/** Reads one entry of `typed_per_filter_config`, unwrapped; `optional` leaves out what is not known. */
export function decodeOverride(
  reader: Reader,
  path: string,
  packed: Any,
  optional: boolean,
): DecodedOverride | undefined {
  const decode = overrideDecoders.get(typeOf(packed));
  if (decode !== undefined) return decode(reader, path, packed);
  if (!optional) reader.problem(path, `unsupported type ${packed.typeUrl === '' ? '(none)' : packed.typeUrl}`);
  return undefined;
}

/** Made of the content, so that the same one has it in every push. */
export function versionOf(packed: Any): string {
  return createHash('sha256').update(packed.typeUrl).update(packed.value).digest('base64');
}

function typeOf(packed: Any): string {
  return packed.typeUrl.slice(packed.typeUrl.lastIndexOf('/') + 1);
}
