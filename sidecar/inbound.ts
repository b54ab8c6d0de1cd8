import type { FilterFactory } from './filters/filter.ts';
import { meshIdentity } from './filters/mesh-identity.ts';

/** What a request from the mesh passes on its way to the application, in this order; the router follows. */
export const inboundFilters: readonly FilterFactory[] = [
  // First, so that everything behind it sees the caller whom the handshake proved and no other.
  meshIdentity,
];
