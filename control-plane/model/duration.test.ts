import { expect, test } from 'vitest';
import { duration, parseDuration } from './duration.ts';

test('CF-08: durations follow the grammar of the Gateway API and nothing else', () => {
  expect(['1h', '1h30m', '10s', '500ms', '1s500ms', '0s', '99999h'].map(parseDuration)).toEqual([
    3_600_000, 5_400_000, 10_000, 500, 1_500, 0, 359_996_400_000,
  ]);
  for (const text of ['1', '-5s', '1e9h', 'NaN', '', '1.5s', '1 s', '1d', '100000s', '1s2s3s4s5s', '٣s', '1s\n']) {
    expect([text, parseDuration(text)]).toEqual([text, undefined]);
  }
});

test('CF-08: a duration out of range is refused with the range', () => {
  const issues = duration(0, 3_600_000).safeParse('2h').error?.issues;
  expect(issues?.[0]?.message).toBe('must be between 0s and 1h');
});
