import type { HashTable, PlacedEndpoint } from './hash-table.ts';
import { hashModulo } from './hash64.ts';
import { xxHash64 } from './xx-hash.ts';

interface Filler<E> {
  readonly endpoint: E;
  readonly share: number;
  readonly skip: number;
  /** The next place that it would like to have. */
  place: number;
  /** It takes its turn when so many times its share have come. */
  target: number;
}

/**
 * The table of Google's Maglev (Eisenbud et al., NSDI 2016, listing 1), place for place as Envoy fills it: all keys
 * have nearly equal numbers of places, and few move when an endpoint comes or goes. `size` is a prime.
 */
export function buildMaglevTable<E>(placed: readonly PlacedEndpoint<E>[], size: number): HashTable<E> {
  const fillers = [...placed].sort((a, b) => (a.key < b.key ? -1 : 1)).map((one) => newFiller(one, size));
  const largest = placed.reduce((most, { share }) => Math.max(most, share), 0);
  const places = new Int32Array(size).fill(-1);
  let filled = fillers.length === 0 ? size : 0;
  for (let iteration = 1; filled < size; iteration++) {
    for (let i = 0; i < fillers.length && filled < size; i++) {
      const filler = fillers[i] as Filler<E>;
      if (iteration * filler.share < filler.target) continue;
      filler.target += largest;
      while (places[filler.place] !== -1) filler.place = (filler.place + filler.skip) % size;
      places[filler.place] = i;
      filled++;
    }
  }
  const endpoints = fillers.length === 0 ? [] : Array.from(places, (index) => (fillers[index] as Filler<E>).endpoint);
  return { endpoints, locate: (hash) => hashModulo(hash, size) };
}

function newFiller<E>({ endpoint, key, share }: PlacedEndpoint<E>, size: number): Filler<E> {
  const place = hashModulo(xxHash64(key), size);
  return { endpoint, share, skip: hashModulo(xxHash64(key, 1), size - 1) + 1, place, target: 0 };
}
