import { type FieldPath, formatPath } from '../../lib/field-path.ts';
import { nearest } from '../../lib/nearest.ts';
import { type Position, parseYaml, type YamlDocument } from '../../lib/yaml/parse-yaml.ts';
import type { Problem, Resource, SourceFile } from '../../proto/api/v1.ts';
import { type MeshObject, objectKey } from '../model/mesh-object.ts';
import { findKind, type Kind, kindNamed, kinds } from './kinds.ts';
import { validateObject } from './validate.ts';

/** Problems listed of one set of files. */
const maxProblems = 1_000;

/** An object read from a file and found valid. */
export interface LoadedObject {
  /** As the user wrote it, without `status` and what the server sets; namespace filled in. */
  readonly resource: Resource;
  readonly object: MeshObject;
  readonly file: string;
  readonly line: number;
}

export interface LoadedFiles {
  readonly objects: readonly LoadedObject[];
  /** Everything wrong in all of the files; empty when all of it can be used. */
  readonly problems: readonly Problem[];
}

/**
 * Reads and validates a set of files. `namespace` is for objects that name none. An object that appears twice in the
 * set is a problem, because it would be chance which of them holds.
 */
export function loadFiles(files: readonly SourceFile[], namespace: string): LoadedFiles {
  const objects: LoadedObject[] = [];
  const problems: Problem[] = [];
  const seen = new Map<string, LoadedObject>();
  for (const file of files) {
    const parsed = parseYaml(file.text);
    for (const { line, column, field, message, hint } of parsed.problems) {
      problems.push(problem(file.name, { line, column }, '', field, message, hint));
    }
    for (const document of parsed.documents) {
      for (const item of expandList(document)) {
        const loaded = loadObject(file.name, item, namespace, problems);
        if (loaded === undefined) continue;
        const key = keyOf(loaded.resource);
        const first = seen.get(key);
        if (first === undefined) {
          seen.set(key, loaded);
          objects.push(loaded);
        } else {
          const where = item.locate(['metadata', 'name'], false);
          const message = `${key.replace('/', ' ')} is already defined at ${first.file}:${first.line}`;
          problems.push(problem(file.name, where, key.replace('/', ' '), ['metadata', 'name'], message));
        }
      }
    }
  }
  const place = new Map(files.map((file, index) => [file.name, index]));
  const order = (item: Problem) => place.get(item.file) ?? 0;
  problems.sort((a, b) => order(a) - order(b) || a.line - b.line || a.column - b.column);
  return { objects, problems: capped(problems) };
}

/** More would not be read, and could be made to fill the memory. */
function capped(problems: readonly Problem[]): readonly Problem[] {
  const more = problems.length - maxProblems;
  const last = problems[maxProblems - 1];
  if (more <= 0 || last === undefined) return problems;
  return [
    ...problems.slice(0, maxProblems),
    { ...last, object: '', field: '', message: `${more} more problems follow` },
  ];
}

/** What a file names, whatever else stands in it. */
export interface ObjectReference {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly file: string;
  readonly line: number;
}

/** Reads which objects a set of files names, without asking whether they are valid: enough to delete them. */
export function loadReferences(
  files: readonly SourceFile[],
  namespace: string,
): { readonly references: readonly ObjectReference[]; readonly problems: readonly Problem[] } {
  const references: ObjectReference[] = [];
  const problems: Problem[] = [];
  for (const file of files) {
    const parsed = parseYaml(file.text);
    for (const { line, column, field, message, hint } of parsed.problems) {
      problems.push(problem(file.name, { line, column }, '', field, message, hint));
    }
    for (const document of parsed.documents.flatMap(expandList)) {
      const report = (path: FieldPath, message: string, hint?: string): void => {
        problems.push(problem(file.name, document.locate(path, false), '', path, message, hint));
      };
      const { value } = document;
      const kind = isRecord(value) ? findObjectKind(value, report) : undefined;
      const metadata = isRecord(value) && isRecord(value.metadata) ? value.metadata : {};
      const { name, namespace: own = namespace } = metadata;
      if (!isRecord(value)) report([], 'must be an object with apiVersion, kind and metadata');
      else if (typeof name !== 'string') report(['metadata', 'name'], 'required field `name` is missing');
      else if (typeof own !== 'string') report(['metadata', 'namespace'], 'must be a string');
      else if (kind !== undefined) {
        references.push({
          kind: kind.kind,
          namespace: own,
          name,
          file: file.name,
          line: document.locate([], false).line,
        });
      }
    }
  }
  return { references, problems };
}

/** A `List` stands for its items; anything else for itself. */
function expandList(document: YamlDocument): YamlDocument[] {
  const { value } = document;
  if (!isRecord(value) || value.kind !== 'List' || value.apiVersion !== 'v1' || !Array.isArray(value.items)) {
    return [document];
  }
  return value.items.map((item: unknown, index) => ({
    value: item,
    locate: (path, atKey) => document.locate(['items', index, ...path], atKey),
  }));
}

function loadObject(
  file: string,
  document: YamlDocument,
  namespace: string,
  problems: Problem[],
): LoadedObject | undefined {
  const { value } = document;
  const report = (path: FieldPath, message: string, hint?: string, object = '', atKey = false): void => {
    problems.push(problem(file, document.locate(path, atKey), object, path, message, hint));
  };
  if (!isRecord(value)) {
    report([], 'must be an object with apiVersion, kind and metadata');
    return undefined;
  }
  const kind = findObjectKind(value, report);
  if (kind === undefined) return undefined;
  const candidate = withNamespace(value, namespace);
  const label = describe(kind, candidate);
  const validation = validateObject(kind, candidate);
  for (const { path, message, hint, atKey } of validation.problems) report(path, message, hint, label, atKey);
  if (validation.object === undefined) return undefined;
  return {
    resource: toResource(candidate),
    object: validation.object,
    file,
    line: document.locate([], false).line,
  };
}

function findObjectKind(
  value: Record<string, unknown>,
  report: (path: FieldPath, message: string, hint?: string) => void,
): Kind | undefined {
  const name = value.kind;
  if (typeof name !== 'string') {
    report(['kind'], name === undefined ? 'required field `kind` is missing' : '`kind` must be a string');
    return undefined;
  }
  const kind = kindNamed(name);
  if (kind === undefined) {
    const similar =
      findKind(name)?.kind ??
      nearest(
        name,
        kinds.map((known) => known.kind),
      );
    const hint =
      similar === undefined
        ? `known kinds: ${kinds.map((known) => known.kind).join(', ')}`
        : `did you mean \`${similar}\`?`;
    report(['kind'], `unknown kind \`${name.slice(0, 60)}\``, hint);
    return undefined;
  }
  if (value.apiVersion !== kind.apiVersion) {
    report(['apiVersion'], `a ${kind.kind} has apiVersion ${kind.apiVersion}`, kind.apiVersion);
    return undefined;
  }
  return kind;
}

function withNamespace(value: Record<string, unknown>, namespace: string): Record<string, unknown> {
  const { metadata } = value;
  if (!isRecord(metadata) || Object.hasOwn(metadata, 'namespace')) return value;
  return { ...value, metadata: { ...metadata, namespace } };
}

/** Leaves out what only the server may write. The value was validated before. */
function toResource(value: Record<string, unknown>): Resource {
  const { status: _status, metadata, ...rest } = value as unknown as Resource;
  const { name, namespace, labels, annotations } = metadata;
  return {
    ...rest,
    metadata: {
      name,
      namespace,
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
    },
  };
}

function describe(kind: Kind, value: Record<string, unknown>): string {
  const metadata = isRecord(value.metadata) ? value.metadata : {};
  const part = (text: unknown) => (typeof text === 'string' ? text.slice(0, 253) : '?');
  return `${kind.kind} ${part(metadata.namespace)}/${part(metadata.name)}`;
}

function keyOf(resource: Resource): string {
  return objectKey(resource.kind, resource.metadata.namespace, resource.metadata.name);
}

function problem(file: string, at: Position, object: string, path: FieldPath, message: string, hint?: string): Problem {
  const base = { file, line: at.line, column: at.column, object, field: formatPath(path), message };
  return hint === undefined ? base : { ...base, hint };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
