import { expect, test } from 'vitest';
import { BucketCache } from './bucket-cache.ts';
import { TokenBucket } from './token-bucket.ts';

/** How many of requests each `everyMs` from `start` to `end` get a token. */
function admitted(bucket: TokenBucket, start: number, end: number, everyMs: number): number {
  let count = 0;
  for (let now = start; now < end; now += everyMs) {
    if (bucket.untilToken(now) > 0) continue;
    bucket.take();
    count++;
  }
  return count;
}

test('P-61: what is let through is within 2 % of the bucket, at any rate', () => {
  for (const perSecond of [0.5, 1, 7, 100, 999]) {
    const bucket = new TokenBucket({ maxTokens: 10, tokensPerMs: perSecond / 1_000 }, 0);
    const seconds = 1_000 / perSecond + 60;
    const allowed = 10 + perSecond * seconds;
    const count = admitted(bucket, 0, seconds * 1_000, Math.min(50, 250 / perSecond));
    expect(Math.abs(count - allowed) / allowed).toBeLessThan(0.02);
  }
});

test('P-61: a clock that jumps gives at most a full bucket, and one that goes back locks nobody out', () => {
  const bucket = new TokenBucket({ maxTokens: 5, tokensPerMs: 0.001 }, 0);
  expect(admitted(bucket, 0, 100, 1)).toBe(5);
  const hour = 3_600_000;
  expect(admitted(bucket, hour, hour + 100, 1)).toBe(5);
  expect(admitted(bucket, 0, 5_000, 100)).toBe(0);
  expect(admitted(bucket, hour + 100, hour + 2_100, 10)).toBe(2);
});

test('P-61: it tells when the next token comes', () => {
  const bucket = new TokenBucket({ maxTokens: 1, tokensPerMs: 0.002 }, 0);
  expect(bucket.untilToken(0)).toBe(0);
  bucket.take();
  expect(bucket.untilToken(0)).toBeCloseTo(500, 3);
  expect(bucket.untilFull(250)).toBeCloseTo(250, 3);
});

const config = { maxTokens: 1, tokensPerMs: 0.000_001 };

test('L-85: a million keys keep no more buckets than there is room for', () => {
  const cache = new BucketCache(1_000);
  for (let i = 0; i < 1_000_000; i++) cache.get(`key-${i}`, config, 0);
  expect(cache.size).toBeLessThanOrEqual(1_000);
});

test('AZ-15: a flood of new keys does not reset the bucket of one who keeps coming', () => {
  const cache = new BucketCache(1_000);
  const mine = cache.get('victim', config, 0);
  mine.take();
  expect(cache.get('victim', config, 0)).toBe(mine);
  for (let i = 0; i < 100_000; i++) cache.get(`flood-${i}`, config, 0);
  expect(cache.get('victim', config, 0)).toBe(mine);
});

test('L-85: a long key costs no more than a short one, and is still its own', () => {
  const cache = new BucketCache(100);
  const long = 'x'.repeat(100_000);
  const one = cache.get(`${long}1`, config, 0);
  expect(cache.get(`${long}2`, config, 0)).not.toBe(one);
  expect(cache.get(`${long}1`, config, 0)).toBe(one);
});
