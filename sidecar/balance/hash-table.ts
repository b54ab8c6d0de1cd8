import type { Hash64 } from './hash64.ts';

/** Endpoints in places that hashes lead to. */
export interface HashTable<E> {
  /** By place; an endpoint has as many as its weight demands. */
  readonly endpoints: readonly E[];
  locate(hash: Hash64): number;
}

/** An endpoint that is to have its share of a table. */
export interface PlacedEndpoint<E> {
  readonly endpoint: E;
  /** What is hashed for it, in latin1. */
  readonly key: string;
  /** Of the whole; all together are 1. */
  readonly share: number;
}
