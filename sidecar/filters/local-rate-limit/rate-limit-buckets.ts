import type { DescriptorEntry } from '../../route/rate-limits.ts';
import { BucketCache } from './bucket-cache.ts';
import { TokenBucket, type TokenBucketConfig } from './token-bucket.ts';

/** A bucket for requests that are described so; an entry without a value fits every one, each with its own bucket. */
export interface DescriptorLimit {
  readonly entries: readonly { readonly key: string; readonly value: string | undefined }[];
  readonly bucket: TokenBucketConfig;
}

export interface BucketsConfig {
  /** For all requests. */
  readonly bucket: TokenBucketConfig | undefined;
  readonly descriptors: readonly DescriptorLimit[];
  /** Also for requests that a descriptor fits. */
  readonly alwaysDefault: boolean;
}

const maxKeys = 100_000;

/** The state of one configured limit. */
export class RateLimitBuckets {
  readonly #config: BucketsConfig;
  readonly #default: TokenBucket | undefined;
  /** By place in `descriptors`; `undefined` where a value is open. */
  readonly #fixed: readonly (TokenBucket | undefined)[];
  readonly #open = new BucketCache(maxKeys);

  constructor(config: BucketsConfig, now: number) {
    this.#config = config;
    this.#default = config.bucket === undefined ? undefined : new TokenBucket(config.bucket, now);
    this.#fixed = config.descriptors.map(({ entries, bucket }) =>
      entries.some(({ value }) => value === undefined) ? undefined : new TokenBucket(bucket, now),
    );
  }

  /** Buckets that were made for values that were not known before. */
  get openBuckets(): number {
    return this.#open.size;
  }

  /** Every bucket that a request must have a token of; none when it is not limited. */
  bucketsOf(descriptors: readonly (readonly DescriptorEntry[])[], now: number): TokenBucket[] {
    const found: TokenBucket[] = [];
    for (const descriptor of descriptors) {
      const index = this.#config.descriptors.findIndex(({ entries }) => fits(entries, descriptor));
      const limit = this.#config.descriptors[index];
      if (limit === undefined) continue;
      found.push(this.#fixed[index] ?? this.#open.get(keyOf(index, descriptor), limit.bucket, now));
    }
    if (this.#default !== undefined && (found.length === 0 || this.#config.alwaysDefault)) found.push(this.#default);
    return found;
  }
}

function fits(entries: DescriptorLimit['entries'], descriptor: readonly DescriptorEntry[]): boolean {
  if (entries.length !== descriptor.length) return false;
  return entries.every(({ key, value }, index) => {
    const entry = descriptor[index];
    return entry?.key === key && (value === undefined || value === entry.value);
  });
}

function keyOf(index: number, descriptor: readonly DescriptorEntry[]): string {
  let key = String(index);
  for (const { value } of descriptor) key += `\0${value}`;
  return key;
}
