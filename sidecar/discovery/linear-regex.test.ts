import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compileRegex } from './compile-regex.ts';
import { linearRegex } from './linear-regex.ts';
import { Reader } from './reader.ts';

const compile = (regex: string) => {
  const reader = new Reader();
  const compiled = compileRegex(reader, '', {
    $type: 'envoy.type.matcher.v3.RegexMatcher',
    engineType: undefined,
    regex,
  });
  return { compiled, problems: reader.problems };
};

test.each([
  '(a|a)*b',
  '(?:a|aa|aaa)*$b',
  '.*.*.*.*.*.*.*.*x',
  '.{0,900}.{0,900}.{0,900}x',
  '.{0,100}.{0,100}.{0,100}x',
  '[a-z]{1,63}[a-z]{1,63}[a-z]{1,63}x',
  '(?:a?){64}a{64}x',
])('P-04: %s is matched against 16 KiB by the engine for linear time, or refused', (regex) => {
  const { compiled, problems } = compile(regex);
  // The flag is accepted only by that engine: what it takes, V8 hands over to it when backtracking goes on for long.
  if (problems.length === 0) expect(() => new RegExp(compiled.source, 'l')).not.toThrow();
  const whole = new RegExp(`^(?:${compiled.source})$`);
  for (const text of ['a'.repeat(16_384), `${'ab'.repeat(8_192)}!`]) expect(whole.test(text)).toBe(false);
});

test('P-04: every accepted expression can be taken over by the engine for linear time', () => {
  const pieces = [
    'a',
    'b+',
    '[a-c]*',
    '(?:ab|a)',
    '(a|b)',
    '.',
    '\\d{2,40}',
    'x{3,}',
    '(?:ab){20}',
    '(a){17}',
    '^',
    '$',
    '\\b',
  ];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 20 }), (parts) => {
      const { compiled, problems } = compile(parts.join(''));
      return problems.length > 0 || new RegExp(compiled.source, 'l') instanceof RegExp;
    }),
  );
});

test('large counts mean the same when they are written as small ones', () => {
  for (const [pattern, least, most] of [
    ['a{1,40}', 1, 40],
    ['a{33}', 33, 33],
    ['a{20,}', 20, 100],
    ['(?:a){17,18}', 17, 18],
    ['[a]{0,100}?', 0, 100],
  ] as const) {
    const compiled = new RegExp(`^(?:${linearRegex(pattern)?.source})$`);
    for (let count = 0; count <= 100; count++) {
      expect([pattern, count, compiled.test('a'.repeat(count))]).toEqual([
        pattern,
        count,
        count >= least && count <= most,
      ]);
    }
  }
  expect(linearRegex('(\\(a\\)|[(]){2}')?.source).toBe('(\\(a\\)|[(]){2,2}');
});

test('a capturing group that is repeated often is refused, since its number would be another', () => {
  expect(compile('(ab){17}').problems).toEqual([expect.stringContaining('cannot be matched in linear time')]);
  expect(compile('(?:ab){17}').problems).toEqual([]);
  expect(compile('(ab){16}').problems).toEqual([]);
});
