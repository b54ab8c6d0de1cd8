import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { camelCase, shapeOf } from '../sidecar/discovery/json/message-shape.ts';
import { wholeMessages } from '../sidecar/discovery/whole-messages.ts';
import { compatibilityDocument, readFieldLists, unlistedTypes } from './generate-compat.ts';
import { defaultsDocument } from './generate-defaults.ts';

const root = path.resolve(import.meta.dirname, '..');

test('docs/envoy-compatibility.md says what the decoders do; npm run generate:compat writes it', async () => {
  const committed = fs.readFileSync(path.join(root, 'docs/envoy-compatibility.md'), 'utf8');
  expect(committed).toBe(await compatibilityDocument());
});

test('docs/defaults.md has the values of the code; npm run generate:compat writes it', () => {
  expect(fs.readFileSync(path.join(root, 'docs/defaults.md'), 'utf8')).toBe(defaultsDocument());
});

test('a message in a supported field has a list of its fields, or is said to be read whole', async () => {
  const unlisted = unlistedTypes(await readFieldLists());
  expect([...unlisted].sort()).toEqual(Object.keys(wholeMessages).sort());
});

test('a list names only fields that exist', async () => {
  for (const { type, known } of await readFieldLists()) {
    const names = (shapeOf(type)?.fields ?? []).flatMap(({ name, oneof }) => {
      const field = camelCase(name);
      return oneof === undefined ? [field] : [field, camelCase(oneof), `${camelCase(oneof)}.${field}`];
    });
    expect([type, ...[...known].filter((name) => !names.includes(name))]).toEqual([type]);
  }
});
