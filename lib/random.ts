/** A source of uniformly distributed numbers in [0, 1). Passed in, so that a test can fix it. */
export type Random = () => number;

/** Not for secrets; those come from node:crypto. */
export const systemRandom: Random = Math.random;

/** A repeatable sequence (mulberry32) for tests and simulations. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}
