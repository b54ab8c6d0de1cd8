import { type Document, isMap, isPair, isScalar, isSeq, type Node } from 'yaml';
import type { FieldPath } from '../field-path.ts';

/** The node of a field: its key or its value, or the nearest node around it when it is missing. */
export function nodeAt(document: Document.Parsed, path: FieldPath, atKey: boolean): Node | undefined {
  let node: Node | null | undefined = document.contents;
  let found: Node | undefined = node ?? undefined;
  for (const [index, part] of path.entries()) {
    const last = index === path.length - 1;
    let next: unknown;
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && item.key.value === String(part));
      if (pair === undefined) return found;
      if (last && atKey) return isScalar(pair.key) ? pair.key : found;
      // A missing value (`name:`) is reported where its key stands.
      next = hasText(pair.value) ? pair.value : pair.key;
    } else if (isSeq(node)) {
      next = node.items[Number(part)];
    }
    // What stands behind an alias is reported where the alias stands.
    if (next === undefined || next === null || isPair(next)) return found;
    node = next as Node;
    found = node;
  }
  return found;
}

function hasText(value: unknown): boolean {
  if (value === null || value === undefined) return false;
  return !(isScalar(value) && value.value === null && value.source === '');
}
