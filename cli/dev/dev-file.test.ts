import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../testing/run-cli.ts';
import { readDevFile } from './dev-file.ts';

test('the Dev document is taken out and every other line stays where it was', () => {
  const text = fs.readFileSync(path.join(root, 'examples/shop/mesh.yaml'), 'utf8');
  const file = readDevFile('mesh.yaml', text);
  if ('problems' in file) throw new Error(JSON.stringify(file.problems));
  expect(file.dev.spec.processes).toHaveLength(6);
  expect(file.resources.text).not.toContain('kind: Dev');
  const [before, after] = [text.split('\n'), file.resources.text.split('\n')];
  expect(after).toHaveLength(before.length);
  const firstService = before.indexOf('kind: Service');
  expect(after.slice(firstService - 1)).toEqual(before.slice(firstService - 1));
});

test('all problems of a Dev document are found at once, each with its place', () => {
  const text = `apiVersion: v1
kind: Service
---
apiVersion: heddle.dev/v1alpha1
kind: Dev
metadata:
  name: shop
spec:
  processes:
    - name: Cart
      command: []
      port: 3000
    - name: front
      command: [node]
      upstreams: [redis]
`;
  const file = readDevFile('mesh.yaml', text);
  expect('problems' in file && file.problems.map(({ line, field }) => `${line} ${field}`)).toEqual([
    '10 spec.processes[0].name',
    '11 spec.processes[0].command',
    '10 spec.processes[0]',
    '15 spec.processes[1].upstreams[0]',
  ]);
});

test('no Dev document, two of them, two programs of one name and broken YAML are each said', () => {
  const dev = (names: string) => `kind: Dev\napiVersion: heddle.dev/v1alpha1\nmetadata: { name: a }\n${names}`;
  const messages = (text: string) => {
    const file = readDevFile('f', text);
    return 'problems' in file ? file.problems.map(({ line, message }) => `${line}: ${message}`) : [];
  };
  expect(messages('kind: Service')).toEqual(['0: no document of kind Dev; it lists the programs to start']);
  expect(messages(`${dev('spec: {}')}\n---\n${dev('spec: {}')}`)).toEqual(['6: a second document of kind Dev']);
  const twice = dev('spec:\n  processes:\n    - { name: x, command: [a] }\n    - { name: x, command: [b] }');
  expect(messages(twice)).toEqual(['7: default/x appears twice']);
  expect(messages('kind: [Dev')[0]).toMatch(/^1: /);
});
