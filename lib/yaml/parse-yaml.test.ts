import { expect, test } from 'vitest';
import { parseYaml } from './parse-yaml.ts';

/** `line:column message` of each problem. */
function problems(text: string): string[] {
  return parseYaml(text).problems.map(({ line, column, message }) => `${line}:${column} ${message}`);
}

function values(text: string): unknown[] {
  const { documents, problems: found } = parseYaml(text);
  expect(found).toEqual([]);
  return documents.map((document) => document.value);
}

test('CF-01: more than 50 aliases, or fewer that stand for very much, are refused at once', () => {
  const many = `a: &x 1\nb: [${'*x, '.repeat(51)}]`;
  expect(problems(many)).toEqual([expect.stringMatching(/^2:\d+ more than 50 aliases$/)]);
  const bomb = ['a0: &a0 lol', ...Array.from({ length: 24 }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}, *a${i}]`)];
  expect(problems(bomb.join('\n'))[0]).toContain('aliases stand for more than 10000 values');
  expect(values('a: &x {q: 1}\nb: *x')).toEqual([{ a: { q: 1 }, b: { q: 1 } }]);
  expect(problems('a: &x [*x]')[0]).toMatch(/^1:\d+ /);
  expect(problems('b: *nowhere')).toEqual(['1:4 no anchor is named nowhere']);
});

test('CF-01: merge keys are refused, however they are written', () => {
  expect(problems('a: &x {q: 1}\nb:\n  <<: *x')).toEqual(['3:3 merge keys are not supported']);
  expect(problems('a: &x {q: 1}\nb:\n  "<<": [*x]')).toEqual(['3:3 merge keys are not supported']);
});

test('CF-02: keys that reach a prototype are refused at any depth and pollute nothing', () => {
  expect(problems('a:\n  - __proto__: {polluted: 1}')).toEqual(['2:5 the key `__proto__` is not allowed']);
  expect(problems('{"constructor": {"prototype": {"polluted": 1}}}')).toEqual([
    '1:2 the key `constructor` is not allowed',
  ]);
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
});

test('CF-03: duplicate keys, tabs, control characters and UTF-16 are refused with their place', () => {
  expect(problems('a: 1\nb:\n  c: 1\n  c: 2')).toEqual(['4:3 the key `c` appears twice']);
  expect(problems('a:\n\tb: 1')).toEqual([expect.stringMatching(/^2:1 Tabs are not allowed as indentation/)]);
  expect(problems('a: 1\nb: x\0y')).toEqual(['2:5 the control character U+0000; the file must be UTF-8 text']);
  expect(problems(Buffer.from('a: 1\n', 'utf16le').toString('latin1'))[0]).toContain('the control character U+0000');
});

test('CF-03: a byte order mark and CRLF are accepted, and places stay right', () => {
  expect(values('\ufeffa: 1\r\nb: 2\r\n')).toEqual([{ a: 1, b: 2 }]);
  expect(problems('a: 1\r\nb: 2\r\nb: 3\r\n')).toEqual(['3:1 the key `b` appears twice']);
});

test('CF-04: plain words are what YAML 1.2 says, not what YAML 1.1 made of them', () => {
  expect(values('[no, on, yes, 1_000, 12:30:45, 0777, "1", 0o17, ~]')).toEqual([
    ['no', 'on', 'yes', '1_000', '12:30:45', 777, '1', 15, null],
  ]);
  expect(problems('%YAML 1.1\n---\na: no')).toEqual(['1:1 the directive %YAML 1.1 is not supported']);
  expect(problems('a: .inf\nb: .nan')).toHaveLength(2);
});

test('CF-06: tags other than those of the core schema are refused', () => {
  expect(problems('a: !!js/function "x"')).toEqual(['1:18 the tag !!js/function is not allowed']);
  expect(problems('a: !env HOME')[0]).toContain('the tag !env is not allowed');
  expect(values('a: !!str 1')).toEqual([{ a: '1' }]);
});

test('CF-07: size, number of documents and depth are limited', () => {
  expect(problems('a'.repeat(4 * 1024 * 1024 + 1))[0]).toContain('at most 4194304 are read');
  expect(problems('---\na: 1\n'.repeat(1_001))).toEqual(['2001:1 more than 1000 documents in one file']);
  expect(values('---\na: 1\n'.repeat(1_000))).toHaveLength(1_000);
  const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
  expect(values(nested(64))).toHaveLength(1);
  expect(problems(nested(65))).toEqual(['1:65 nested deeper than 64 levels']);
  for (const deep of [nested(1_000_000), '- '.repeat(1_000_000), '{a: '.repeat(500_000)]) {
    expect(problems(deep)[0]).toContain('nested deeper than 64 levels');
  }
});

test('CF-07: a map of a hundred thousand keys is read in one pass', () => {
  const text = Array.from({ length: 100_000 }, (_, index) => `k${index}: ${index}`).join('\n');
  expect(Object.keys(values(text)[0] as object)).toHaveLength(100_000);
});

test('CF-15: nothing in a file is evaluated', () => {
  const home = ['$', '{HOME}'].join('');
  expect(values(`a: ${home}\nb: "{{ .Values.x }}"\nc: $(id)`)).toEqual([{ a: home, b: '{{ .Values.x }}', c: '$(id)' }]);
});

test('JSON is read too, indented with tabs or spaces', () => {
  expect(values('{\n\t"a": [1, {"b": null}],\n\t"c": "\\u00e9"\n}')).toEqual([{ a: [1, { b: null }], c: 'é' }]);
});

test('every broken document of a file is told about, and the sound ones are kept', () => {
  const { documents, problems: found } = parseYaml('a: 1\n---\nb: [\n---\nc: 3\n---\nd: "x\n');
  expect(found.map(({ line }) => line).length).toBeGreaterThanOrEqual(2);
  expect(documents.map(({ value }) => value)).toContainEqual({ a: 1 });
});
