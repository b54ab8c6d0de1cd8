import { isAlias, isMap, isScalar, isSeq, type Pair, stringify, type YAMLMap, type YAMLSeq } from 'yaml';

/** Text to put in at an offset of the original. */
export interface Insertion {
  offset: number;
  text: string;
}

/** Applies insertions; every byte of the original stays. Insertions at one offset keep their order. */
export function applyInsertions(text: string, insertions: readonly Insertion[]): string {
  let result = '';
  let position = 0;
  const ordered = insertions.map((insertion, index) => ({ ...insertion, index }));
  ordered.sort((a, b) => a.offset - b.offset || a.index - b.index);
  for (const { offset, text: added } of ordered) {
    result += text.slice(position, offset) + added;
    position = offset;
  }
  return result + text.slice(position);
}

const startOf = (node: { range?: [number, number, number] | null | undefined }): number => {
  if (node.range == null) throw new Error('a parsed node has a range');
  return node.range[0];
};

const lineStart = (text: string, offset: number): number => text.lastIndexOf('\n', offset - 1) + 1;

/**
 * Where whole lines can be put before the block-style item at `offset`: above the comments that belong to it.
 * `undefined` when something else stands before it on its line, as in `- name: x`.
 */
function lineBefore(text: string, offset: number): number | undefined {
  let start = lineStart(text, offset);
  if (text.slice(start, offset).trim() !== '') return undefined;
  while (start > 0) {
    const above = lineStart(text, start - 1);
    if (!text.slice(above, start).trimStart().startsWith('#')) break;
    start = above;
  }
  return start;
}

const newlineOf = (text: string): string => (text.includes('\r\n') ? '\r\n' : '\n');

/** Lines of YAML, each indented to `column`. */
function render(value: unknown, column: number, text: string): string {
  const indent = ' '.repeat(column);
  return stringify(value, { lineWidth: 0 })
    .trimEnd()
    .split('\n')
    .map((line) => (line === '' ? line : indent + line))
    .join(newlineOf(text));
}

function insertBlock(text: string, offset: number, value: unknown): Insertion {
  const column = offset - lineStart(text, offset);
  const newline = newlineOf(text);
  const above = lineBefore(text, offset);
  const lines = render(value, column, text);
  return above === undefined
    ? { offset, text: lines.slice(column) + newline + ' '.repeat(column) }
    : { offset: above, text: lines + newline };
}

const keyOffset = (pair: Pair): number => startOf(pair.key as { range?: [number, number, number] });

/** Adds keys to a map, in front of the first key or of the key called `before`. */
export function insertKeys(
  text: string,
  map: YAMLMap,
  values: Readonly<Record<string, unknown>>,
  before?: string,
): Insertion {
  const first = map.items.find(({ key }) => isScalar(key) && key.value === before) ?? map.items[0];
  if (map.flow === true || first === undefined) {
    const json = JSON.stringify(values).slice(1, -1);
    return { offset: startOf(map) + 1, text: json + (map.items.length > 0 ? ', ' : '') };
  }
  return insertBlock(text, keyOffset(first), values);
}

/** Adds items in front of a sequence. */
export function insertItems(text: string, sequence: YAMLSeq, items: readonly unknown[]): Insertion {
  if (sequence.flow === true || sequence.items.length === 0) {
    const json = JSON.stringify(items).slice(1, -1);
    return { offset: startOf(sequence) + 1, text: json + (sequence.items.length > 0 ? ', ' : '') };
  }
  return insertBlock(text, startOf(sequence), items);
}

/** Gives a value to a key that has none (`annotations:` or `annotations: null`). */
function replaceNull(text: string, pair: Pair, value: unknown): Insertion {
  const { key, value: node } = pair as {
    key: { range: [number, number, number] };
    value: { range: [number, number, number]; source?: string } | null;
  };
  if (node !== null && node.source !== undefined && node.source !== '') {
    throw new InjectTextError(`write the key without a value instead of ${node.source}`, node.range[0]);
  }
  const colon = text.indexOf(':', key.range[1]);
  return { offset: colon + 1, text: ` ${JSON.stringify(value)}` };
}

/** The text cannot be edited in place; `offset` says where. */
export class InjectTextError extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.name = 'InjectTextError';
    this.offset = offset;
  }
}

/** The pair of `key` in a map. */
export function pairOf(map: YAMLMap, key: string): Pair | undefined {
  return map.items.find((pair) => isScalar(pair.key) && pair.key.value === key);
}

/** Adds `entries` to the map or sequence under `key` of `parent`; makes it when it is not there. */
export function insertUnder(
  text: string,
  parent: YAMLMap,
  key: string,
  entries: Readonly<Record<string, unknown>> | readonly unknown[],
  before?: string,
): Insertion {
  const pair = pairOf(parent, key);
  if (pair === undefined) return insertKeys(text, parent, { [key]: entries }, before);
  const node = pair.value;
  if (isAlias(node))
    throw new InjectTextError(`${key} is an alias; write it out, so that it can be added to`, startOf(node));
  if (Array.isArray(entries) && isSeq(node)) return insertItems(text, node, entries);
  if (!Array.isArray(entries) && isMap(node)) return insertKeys(text, node, entries as Record<string, unknown>);
  if (node === null || (isScalar(node) && node.value === null)) return replaceNull(text, pair, entries);
  throw new InjectTextError(`${key} is not a ${Array.isArray(entries) ? 'list' : 'map'}`, keyOffset(pair));
}
