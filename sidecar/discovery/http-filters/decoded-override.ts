import type { FilterOverride } from '../../http-filter-config.ts';

/** What one entry of `typed_per_filter_config` says, before its place is known. */
export type DecodedOverride = Pick<FilterOverride, 'disabled' | 'config'>;
