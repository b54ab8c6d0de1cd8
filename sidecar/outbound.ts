import type { FilterFactory } from './filters/filter.ts';
import { ownHeaders } from './filters/own-headers.ts';

/** What a request of the application passes on its way into the mesh, in this order; the router follows. */
export const outboundFilters: readonly FilterFactory[] = [
  // The application is not believed about identities: it may only repeat what it was told.
  ownHeaders,
];
