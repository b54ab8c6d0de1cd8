import { createHash } from 'node:crypto';
import { TokenBucket, type TokenBucketConfig } from './token-bucket.ts';

/** Longer keys are kept as their hash, so that what a client sends cannot fill the memory. Characters. */
const maxKeyLength = 128;
/** Of the capacity, for keys that came more than once. */
const protectedShare = 0.8;

/**
 * Buckets for values that nobody knows before, at most `capacity` of them (security.md L-85). Keys that came once push
 * out each other only, so that a flood of new ones does not reset the buckets of those who keep coming.
 */
export class BucketCache {
  readonly #maxNew: number;
  readonly #maxKnown: number;
  readonly #new = new Map<string, TokenBucket>();
  readonly #known = new Map<string, TokenBucket>();

  constructor(capacity: number) {
    this.#maxKnown = Math.floor(capacity * protectedShare);
    this.#maxNew = capacity - this.#maxKnown;
  }

  get size(): number {
    return this.#new.size + this.#known.size;
  }

  /** The bucket of `key`; a full one when there is none. */
  get(key: string, config: TokenBucketConfig, now: number): TokenBucket {
    const short = key.length > maxKeyLength ? createHash('sha256').update(key).digest('base64') : key;
    const bucket = this.#known.get(short) ?? this.#new.get(short);
    if (bucket === undefined) return this.#add(short, new TokenBucket(config, now));
    this.#new.delete(short);
    this.#known.delete(short);
    this.#known.set(short, bucket);
    if (this.#known.size > this.#maxKnown) this.#demote();
    return bucket;
  }

  #add(key: string, bucket: TokenBucket): TokenBucket {
    this.#new.set(key, bucket);
    if (this.#new.size > this.#maxNew) deleteOldest(this.#new);
    return bucket;
  }

  #demote(): void {
    const oldest = deleteOldest(this.#known);
    if (oldest !== undefined) this.#add(...oldest);
  }
}

function deleteOldest(map: Map<string, TokenBucket>): [string, TokenBucket] | undefined {
  const oldest = map.entries().next().value;
  if (oldest !== undefined) map.delete(oldest[0]);
  return oldest;
}
