import type { z } from 'zod';
import { clip, type FieldPath } from '../../lib/field-path.ts';
import { nearest } from '../../lib/nearest.ts';
import type { MeshObject } from '../model/mesh-object.ts';
import type { Kind } from './kinds.ts';

/** One thing wrong with one field of an object. */
export interface FieldProblem {
  readonly path: FieldPath;
  /** Whether the name of the field is wrong, not its value. */
  readonly atKey: boolean;
  readonly message: string;
  readonly hint: string | undefined;
}

export type Validation =
  | { object: MeshObject; problems: readonly [] }
  | { object?: undefined; problems: readonly FieldProblem[] };

/** Checks an object against the schema of its kind and lists everything that is wrong with it. */
export function validateObject(kind: Kind, value: unknown): Validation {
  // zod forgets the schema that raised an issue when it finishes it, so known fields are noted in the error map.
  const knownFields = new Map<string, readonly string[]>();
  const result = kind.schema.safeParse(value, {
    error: (issue) => {
      if (issue.code === 'unrecognized_keys') knownFields.set(pathKey(issue.path), fieldsOf(issue.inst));
      return undefined;
    },
  });
  if (result.success) return { object: result.data, problems: [] };
  return { problems: result.error.issues.flatMap((issue) => toProblems(issue, value, knownFields)) };
}

type Issue = z.core.$ZodIssue;

function toProblems(issue: Issue, value: unknown, knownFields: Map<string, readonly string[]>): FieldProblem[] {
  const path = issue.path.filter((part) => typeof part !== 'symbol');
  if (issue.code === 'unrecognized_keys') {
    const known = knownFields.get(pathKey(issue.path)) ?? [];
    return issue.keys.map((key) => {
      const similar = nearest(key, known);
      return {
        path: [...path, key],
        atKey: true,
        message: `unknown field \`${clip(key)}\``,
        hint: similar === undefined ? knownHint(known) : `did you mean \`${similar}\`?`,
      };
    });
  }
  if (issue.code === 'invalid_key') {
    const inner = issue.issues[0]?.message ?? issue.message;
    return [{ path, atKey: true, message: `\`${clip(String(path.at(-1)))}\` ${inner}`, hint: undefined }];
  }
  const given = valueAt(value, path);
  return [{ path, atKey: false, message: messageOf(issue, given, path), hint: hintOf(issue, given) }];
}

function messageOf(issue: Issue, given: unknown, path: FieldPath): string {
  if (given === undefined && ['invalid_type', 'invalid_value', 'invalid_union'].includes(issue.code)) {
    return `required field \`${String(path.at(-1) ?? '')}\` is missing`;
  }
  // A message of the schema's own says more than what could be made up here.
  if (!issue.message.startsWith('Invalid')) return issue.message;
  if (issue.code === 'invalid_type') {
    return `must be ${articled(issue.expected)}, not ${articled(typeName(given))}`;
  }
  if (issue.code === 'invalid_value') {
    const allowed = issue.values.map((item) => (item === '' ? '""' : String(item)));
    return allowed.length === 1 ? `must be ${allowed[0]}` : `must be one of ${allowed.join(', ')}`;
  }
  if (issue.code === 'invalid_union' && issue.discriminator !== undefined) {
    const allowed = 'options' in issue && Array.isArray(issue.options) ? issue.options.join(', ') : '';
    return allowed === '' ? 'is not a supported type' : `must be one of ${allowed}`;
  }
  return issue.message;
}

function hintOf(issue: Issue, given: unknown): string | undefined {
  if (issue.code === 'custom') {
    const hint: unknown = issue.params?.hint;
    return typeof hint === 'string' ? hint : undefined;
  }
  if (issue.code === 'invalid_value' && typeof given === 'string') {
    const similar = nearest(given, issue.values.map(String));
    return similar === undefined || similar === '' ? undefined : `did you mean \`${similar}\`?`;
  }
  if (issue.code === 'invalid_type' && issue.message.includes('duration') && typeof given === 'number') {
    return Number.isInteger(given) && given >= 0 ? `${given}s` : undefined;
  }
  if (issue.code === 'invalid_type' && issue.expected === 'string' && ['number', 'boolean'].includes(typeof given)) {
    return `write it in quotes: "${String(given)}"`;
  }
  if (issue.code === 'invalid_type' && issue.expected === 'number' && typeof given === 'string') {
    return /^-?\d+(\.\d+)?$/.test(given) ? `write it without quotes: ${given}` : undefined;
  }
  return undefined;
}

function fieldsOf(schema: unknown): readonly string[] {
  const definition = (schema as { _zod?: { def?: { shape?: Record<string, unknown> } } } | undefined)?._zod?.def;
  return Object.keys(definition?.shape ?? {});
}

function knownHint(known: readonly string[]): string | undefined {
  return known.length === 0 ? undefined : `known fields: ${known.join(', ')}`;
}

function pathKey(path: readonly PropertyKey[] | undefined): string {
  return JSON.stringify((path ?? []).map(String));
}

function valueAt(value: unknown, path: FieldPath): unknown {
  let at = value;
  for (const part of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, part)) return undefined;
    at = (at as Record<string | number, unknown>)[part];
  }
  return at;
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

const articles: Readonly<Record<string, string>> = {
  array: 'a list',
  object: 'a map',
  record: 'a map',
  int: 'a whole number',
  null: 'null',
};

function articled(type: string): string {
  return articles[type] ?? `a ${type}`;
}
