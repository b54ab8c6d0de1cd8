import { edgeHeaders } from '../filters/edge-headers.ts';
import type { FilterFactory } from '../filters/filter.ts';

/** What a request from outside passes on its way into the mesh, in this order; the router follows. */
export const gatewayFilters: readonly FilterFactory[] = [
  // Before anything reads a header: nothing that a stranger wrote may pass for ours.
  edgeHeaders,
];
