/** Types that a bootstrap may hold, in the order in which they are handed over, with their field. */
export const staticTypes = [
  { type: 'cluster', field: 'clusters' },
  { type: 'secret', field: 'secrets' },
  { type: 'listener', field: 'listeners' },
] as const;

export type StaticType = (typeof staticTypes)[number]['type'];
