import { expect, test } from 'vitest';
import { regexProblem } from './regex.ts';

test('CF-09: nested quantifiers, look-around, back-references and long patterns are refused by name', () => {
  for (const pattern of ['(a+)+', '(a*)*b', '(.*x){2,}', '((a+)b?)+', '(?:a{2,})*', '([a-z]+)*$', '(a|b+){3}']) {
    expect([pattern, regexProblem(pattern)]).toEqual([pattern, 'nested quantifiers, such as (a+)+, are not allowed']);
  }
  for (const pattern of ['a(?=b)', 'a(?!b)', '(?<=a)b', '(?<!a)b']) {
    expect(regexProblem(pattern)).toBe('look-ahead and look-behind are not allowed');
  }
  expect(regexProblem('(a)\\1')).toBe('back-references are not allowed');
  expect(regexProblem('(?<n>a)\\k<n>')).toBe('back-references are not allowed');
  expect(regexProblem('a'.repeat(1_025))).toContain('at most 1024 characters');
  expect(regexProblem('a{1001}')).toBe('repetitions may count to at most 1000');
  expect(regexProblem('a(b')).toContain('not a regular expression');
});

test('ordinary patterns pass, also with classes and escapes that look like something else', () => {
  for (const pattern of [
    '/items/[0-9]+',
    '(v1|v2)',
    '(a+)?',
    'a+b+',
    '[(+*]+',
    '\\(a+\\)+',
    '(?<id>\\d{1,8})/x',
    '(abc)*',
  ]) {
    expect([pattern, regexProblem(pattern)]).toEqual([pattern, undefined]);
  }
});
