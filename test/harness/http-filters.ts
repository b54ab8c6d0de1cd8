import { FilterConfig } from '../../proto/gen/envoy/config/route/v3/route_components.ts';
import { HttpFilter } from '../../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.ts';
import { Any } from '../../proto/gen/google/protobuf/any.ts';
import { decodeHttpFilters } from '../../sidecar/discovery/decode-http-filters.ts';
import { decodeOverrides } from '../../sidecar/discovery/decode-overrides.ts';
import { Reader } from '../../sidecar/discovery/reader.ts';
import type { ConfiguredFilter, FilterOverrides } from '../../sidecar/http-filter-config.ts';

interface Codec<M> {
  readonly $type: string;
  create(message?: object): M;
  encode(message: M): { finish(): Uint8Array };
}

/** A message of Envoy's in its wrapping. `message` is what `fromJSON` of it takes. */
export function packed<M>(codec: Codec<M> & { fromJSON(json: unknown): M }, message: unknown = {}): Any {
  return Any.create({
    typeUrl: `type.googleapis.com/${codec.$type}`,
    value: Buffer.from(codec.encode(codec.fromJSON(message)).finish()),
  });
}

/** One entry of `http_filters`, decoded as discovery does; throws with all problems. */
export function httpFilter(name: string, config: Any, more: Partial<HttpFilter> = {}): ConfiguredFilter {
  const reader = new Reader();
  const message = HttpFilter.create({ name, configType: { $case: 'typedConfig', value: config }, ...more });
  const [filter] = decodeHttpFilters(reader, '', [message]);
  if (filter === undefined || reader.problems.length > 0) throw new Error(reader.problems.join('\n'));
  return filter;
}

/** What a decoder of `http_filters` has to say against one entry. */
export function filterProblems(config: Any): string[] {
  const reader = new Reader();
  decodeHttpFilters(reader, '', [
    HttpFilter.create({ name: 'filter', configType: { $case: 'typedConfig', value: config } }),
  ]);
  return reader.problems;
}

/** The `typed_per_filter_config` of a route, decoded; throws with all problems. */
export function overrides(
  entries: Readonly<Record<string, Any>>,
  outer?: FilterOverrides,
  place = 'test',
): FilterOverrides {
  const reader = new Reader();
  const decoded = decodeOverrides(reader, '', entries, { place, outer });
  if (decoded === undefined || reader.problems.length > 0) throw new Error(reader.problems.join('\n'));
  return decoded;
}

/** What discovery has to say against a `typed_per_filter_config` entry. */
export function overrideProblems(entry: Any): string[] {
  const reader = new Reader();
  decodeOverrides(reader, '', { filter: entry }, { place: 'test', outer: undefined });
  return reader.problems;
}

/** What a place says in the wrapping that can turn a filter on and off. */
export function wrapped(config: Partial<FilterConfig>): Any {
  return Any.create({
    typeUrl: `type.googleapis.com/${FilterConfig.$type}`,
    value: Buffer.from(FilterConfig.encode(FilterConfig.create(config)).finish()),
  });
}

/** Turns the filter off in a place. */
export const disabledHere: Any = wrapped({ disabled: true });
