import type { HashTable, PlacedEndpoint } from './hash-table.ts';
import { compareHashes, type Hash64 } from './hash64.ts';
import { murmurHash2 } from './murmur-hash.ts';
import { xxHash64 } from './xx-hash.ts';

export interface RingOptions {
  minRingSize: number;
  maxRingSize: number;
  hash: 'xx-hash' | 'murmur-hash-2';
}

/** A ketama ring, entry for entry as Envoy makes it: `<key>_<i>` hashed, as many times as the weight demands. */
export function buildRing<E>(placed: readonly PlacedEndpoint<E>[], options: RingOptions): HashTable<E> {
  const { minRingSize, maxRingSize } = options;
  const hash = options.hash === 'xx-hash' ? (text: string) => xxHash64(text) : murmurHash2;
  const least = placed.reduce((smallest, { share }) => Math.min(smallest, share), 1);
  // The least of them gets a whole number of entries.
  const scale = Math.min(Math.ceil(least * minRingSize) / least, maxRingSize);
  const entries: { hash: Hash64; endpoint: E }[] = [];
  let target = 0;
  for (const { key, share, endpoint } of placed) {
    target += scale * share;
    for (let i = 0; entries.length < target; i++) entries.push({ hash: hash(`${key}_${i}`), endpoint });
  }
  entries.sort((a, b) => compareHashes(a.hash, b.hash));
  const high = Uint32Array.from(entries, (entry) => entry.hash.high);
  const low = Uint32Array.from(entries, (entry) => entry.hash.low);
  return { endpoints: entries.map(({ endpoint }) => endpoint), locate: (at) => firstAtOrAfter(high, low, at) };
}

/** Past the last entry the ring begins again. */
function firstAtOrAfter(high: Uint32Array, low: Uint32Array, hash: Hash64): number {
  let from = 0;
  let to = high.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    const entryHigh = high[middle] as number;
    if (entryHigh < hash.high || (entryHigh === hash.high && (low[middle] as number) < hash.low)) from = middle + 1;
    else to = middle;
  }
  return from === high.length ? 0 : from;
}
