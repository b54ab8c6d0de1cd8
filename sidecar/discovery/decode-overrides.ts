import { FilterConfig } from '../../proto/gen/envoy/config/route/v3/route_components.ts';
import type { Any } from '../../proto/gen/google/protobuf/any.ts';
import type { FilterOverride, FilterOverrides } from '../http-filter-config.ts';
import { decodeOverride, versionOf } from './decode-http-filters.ts';
import type { DecodedOverride } from './http-filters/decoded-override.ts';
import { fieldsOf } from './message-fields.ts';
import { isType, join, type Reader } from './reader.ts';

export const filterConfigFields = fieldsOf(FilterConfig, { supported: ['config', 'isOptional', 'disabled'] });

/** Where in a table something is said, and what the places around it say. */
export interface OverridePlace {
  readonly place: string;
  readonly outer: FilterOverrides | undefined;
}

/** Reads the `typed_per_filter_config` of a place; what the places around it say comes after its own. */
export function decodeOverrides(
  reader: Reader,
  path: string,
  message: { readonly [filterName: string]: Any },
  { place, outer }: OverridePlace,
): FilterOverrides | undefined {
  const own = new Map<string, FilterOverride>();
  for (const [filterName, packed] of Object.entries(message)) {
    const at = join(path, `typed_per_filter_config["${filterName}"]`);
    const decoded = isType(packed, FilterConfig)
      ? unwrap(reader, at, packed)
      : decodeOverride(reader, at, packed, false);
    if (decoded !== undefined) own.set(filterName, { ...decoded, place, version: versionOf(packed) });
  }
  if (own.size === 0) return outer;
  const merged = new Map<string, readonly FilterOverride[]>(outer);
  for (const [filterName, override] of own) merged.set(filterName, [override, ...(outer?.get(filterName) ?? [])]);
  return merged;
}

function unwrap(reader: Reader, path: string, packed: Any): DecodedOverride | undefined {
  const wrapper = reader.unpack(path, packed, FilterConfig);
  if (wrapper === undefined) return undefined;
  reader.only(path, wrapper, filterConfigFields);
  const { config, isOptional, disabled } = wrapper;
  const inner = config === undefined ? undefined : decodeOverride(reader, join(path, 'config'), config, isOptional);
  if (disabled) return { disabled: true, config: undefined };
  if (config === undefined) reader.problem(join(path, 'config'), 'missing');
  return inner;
}
