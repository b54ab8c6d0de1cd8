import { DataSource, TransportSocket } from '../../proto/gen/envoy/config/core/v3/base.ts';
import { ApiVersion, ConfigSource } from '../../proto/gen/envoy/config/core/v3/config_source.ts';
import { StringMatcher } from '../../proto/gen/envoy/type/matcher/v3/string.ts';
import { Any } from '../../proto/gen/google/protobuf/any.ts';
import { Duration } from '../../proto/gen/google/protobuf/duration.ts';
import type { MessageType, UnknownMessage } from '../../proto/gen/typeRegistry.ts';

/** The encoder of a generated message; what {@link packAny} needs of it. */
type Encoder<T extends UnknownMessage> = Pick<MessageType<T>, '$type' | 'encode'>;

/** Wraps a message into `google.protobuf.Any` under its full type URL. */
export function packAny<T extends UnknownMessage>(type: Encoder<T>, message: T): Any {
  return Any.fromPartial({
    typeUrl: `type.googleapis.com/${type.$type}`,
    value: Buffer.from(type.encode(message).finish()),
  });
}

/** A duration from milliseconds. */
export function durationFromMs(ms: number): Duration {
  const seconds = Math.floor(ms / 1_000);
  return Duration.fromPartial({ seconds, nanos: Math.round((ms - seconds * 1_000) * 1_000_000) });
}

/** "From the same ADS stream", as `config_source` of SDS, EDS and RDS. */
export const adsSource: ConfigSource = ConfigSource.fromPartial({
  configSourceSpecifier: { $case: 'ads', value: {} },
  resourceApiVersion: ApiVersion.V3,
});

export function inlineString(text: string): DataSource {
  return DataSource.fromPartial({ specifier: { $case: 'inlineString', value: text } });
}

/** A transport socket of the given name with its typed configuration. */
export function transportSocket<T extends UnknownMessage>(name: string, type: Encoder<T>, message: T): TransportSocket {
  return TransportSocket.fromPartial({ name, configType: { $case: 'typedConfig', value: packAny(type, message) } });
}

/** Gateway API's two kinds of value match. A regular expression must match the whole value, as Envoy wants it. */
export function stringMatcher(type: 'Exact' | 'RegularExpression', value: string): StringMatcher {
  return StringMatcher.fromPartial({
    matchPattern: type === 'Exact' ? { $case: 'exact', value } : { $case: 'safeRegex', value: { regex: value } },
  });
}
