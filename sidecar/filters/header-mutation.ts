import type { FilterOverride } from '../http-filter-config.ts';
import { applyHeaderMutation } from '../route/mutate.ts';
import type { HeaderMutation } from '../route/route-table.ts';
import type { RequestHead, ResponseHead } from '../stream/head.ts';
import type { Filter, FilterCallbacks, FilterStatus, SharedFilter } from './filter.ts';

/** Changes fields where it stands in the chain (`envoy.filters.http.header_mutation`). */
export interface HeaderMutationConfig extends HeaderMutations {
  /** The most specific place goes last, in place of first. */
  specificLast: boolean;
}

/** What a place in the routes adds to it. */
export interface HeaderMutations {
  kind: 'header-mutation';
  request: HeaderMutation;
  response: HeaderMutation;
}

class HeaderMutator implements Filter {
  readonly #callbacks: FilterCallbacks;
  /** In the order in which they are applied. */
  readonly #levels: readonly HeaderMutations[];

  constructor(callbacks: FilterCallbacks, levels: readonly HeaderMutations[]) {
    this.#callbacks = callbacks;
    this.#levels = levels;
  }

  onRequestHead(head: RequestHead): FilterStatus {
    const { info } = this.#callbacks;
    for (const { request } of this.#levels) applyHeaderMutation(head.headers, request, info, head, undefined);
    return 'continue';
  }

  onResponseHead(response: ResponseHead): FilterStatus {
    const { info, head } = this.#callbacks;
    for (const level of this.#levels) applyHeaderMutation(response.headers, level.response, info, head, response);
    return 'continue';
  }
}

export function createHeaderMutation(config: HeaderMutationConfig): SharedFilter {
  const alone = [config];
  return (callbacks, overrides) => {
    const levels = overrides === undefined ? alone : [config, ...levelsOf(overrides, config.specificLast)];
    return new HeaderMutator(callbacks, levels);
  };
}

function levelsOf(overrides: readonly FilterOverride[], specificLast: boolean): HeaderMutations[] {
  const levels = overrides.flatMap(({ config }) => (config?.kind === 'header-mutation' ? [config] : []));
  return specificLast ? levels.reverse() : levels;
}
