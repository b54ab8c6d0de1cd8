import { type Document, isAlias, isMap, isScalar, isSeq, type Node } from 'yaml';
import type { FieldPath } from '../field-path.ts';
import { yamlLimits } from './yaml-limits.ts';

type Report = (offset: number, message: string, hint?: string, field?: FieldPath) => void;

const coreTags = /^tag:yaml\.org,2002:(?:str|int|float|bool|null|map|seq)$/;
/** Names that reach the prototype of an object in careless code (CF-02). */
const refusedKeys = ['__proto__', 'constructor', 'prototype'];

/** Turns a document's nodes into plain data, reporting what is not allowed; `undefined` for an empty document. */
export function readDocument(document: Document.Parsed, report: Report): unknown {
  if (document.contents === null) return undefined;
  const value = new ValueReader(document, report).read(document.contents, [], 1, false);
  return value === null ? undefined : value;
}

class ValueReader {
  readonly #document: Document.Parsed;
  readonly #report: Report;
  #aliasedNodes = 0;
  #stopped = false;

  constructor(document: Document.Parsed, report: Report) {
    this.#document = document;
    this.#report = report;
  }

  read(node: unknown, path: FieldPath, depth: number, aliased: boolean): unknown {
    if (this.#stopped || node === null || node === undefined) return null;
    const at = offsetOf(node);
    if (depth > yamlLimits.depth) return this.#stop(at, `nested deeper than ${yamlLimits.depth} levels`);
    if (aliased && ++this.#aliasedNodes > yamlLimits.aliasedNodes) {
      return this.#stop(at, `aliases stand for more than ${yamlLimits.aliasedNodes} values`);
    }
    if (isAlias(node)) {
      const target = node.resolve(this.#document);
      if (target === undefined) return this.#problem(at, `no anchor is named ${node.source}`, path);
      return this.read(target, path, depth + 1, true);
    }
    const tag = (node as Node).tag;
    if (tag !== undefined && !coreTags.test(tag)) {
      return this.#problem(at, `the tag ${tag.replace('tag:yaml.org,2002:', '!!').slice(0, 60)} is not allowed`, path);
    }
    if (isMap(node)) return this.#readMap(node.items, path, depth, aliased);
    if (isSeq(node)) return node.items.map((item, index) => this.read(item, [...path, index], depth + 1, aliased));
    if (!isScalar(node)) return this.#problem(at, 'is not YAML that can be read', path);
    if (typeof node.value === 'number' && !Number.isFinite(node.value)) {
      return this.#problem(at, `${node.source ?? 'this'} is not a number that can be used`, path);
    }
    return typeof node.value === 'bigint' ? Number(node.value) : node.value;
  }

  #readMap(
    items: readonly { key: unknown; value: unknown }[],
    path: FieldPath,
    depth: number,
    aliased: boolean,
  ): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    for (const { key, value } of items) {
      const name = isScalar(key) ? String(key.value ?? '') : undefined;
      if (name === undefined) {
        this.#problem(offsetOf(key), 'a key must be a plain word', path);
      } else if (refusedKeys.includes(name)) {
        this.#problem(offsetOf(key), `the key \`${name}\` is not allowed`, [...path, name]);
      } else if (name === '<<') {
        this.#problem(offsetOf(key), 'merge keys are not supported', [...path, name], 'write the fields out');
      } else if (Object.hasOwn(result, name)) {
        this.#problem(offsetOf(key), `the key \`${name.slice(0, 60)}\` appears twice`, [...path, name]);
      } else {
        result[name] = this.read(value, [...path, name], depth + 1, aliased);
      }
    }
    return result;
  }

  #problem(offset: number, message: string, field: FieldPath, hint?: string): null {
    this.#report(offset, message, hint, field);
    return null;
  }

  #stop(offset: number, message: string): null {
    this.#stopped = true;
    return this.#problem(offset, message, []);
  }
}

function offsetOf(node: unknown): number {
  return (node as Node | null | undefined)?.range?.[0] ?? 0;
}
