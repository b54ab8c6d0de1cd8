import path from 'node:path';
import type { Problem } from '../../proto/api/v1.ts';
import { type LoadedObject, loadFiles } from '../config/load-files.ts';
import { objectKey } from '../model/mesh-object.ts';
import type { Store } from '../store/store.ts';
import type { FolderFile } from './folder-files.ts';
import { folderSource, ownershipProblem, owningFile } from './ownership.ts';

/**
 * Makes the store agree with the files of a folder, in one transaction, and returns what is wrong with them. A file
 * with a problem keeps the objects of its last good version; one that is gone takes its objects with it. Throws a
 * StoreError when the disk fails.
 */
export function reconcileFolder(
  store: Store,
  directory: string,
  files: readonly FolderFile[],
  namespace: string,
): readonly Problem[] {
  const problems: Problem[] = [];
  const good = new Map<string, readonly LoadedObject[]>();
  const broken = new Set<string>();
  const definedBy = new Map<string, string>();
  for (const file of files) {
    const found = loadFile(file, namespace);
    for (const loaded of found.objects) {
      const other = definedBy.get(keyOf(loaded));
      if (other !== undefined) found.problems.push(objectProblem(loaded, `is already defined by ${other}`));
      definedBy.set(keyOf(loaded), other ?? file.path);
    }
    if (found.problems.length === 0) good.set(file.path, found.objects);
    else broken.add(file.path);
    problems.push(...found.problems);
  }
  store.transaction(() => {
    const owned = store.list().filter((stored) => {
      const file = owningFile(stored);
      return file !== undefined && path.dirname(file) === directory;
    });
    for (const [file, objects] of good) {
      const conflicts = objects.flatMap((loaded) => conflict(store, loaded, file, directory, broken));
      problems.push(...conflicts);
      if (conflicts.length > 0) broken.add(file);
    }
    for (const { resource, source } of owned) {
      const file = source.slice(folderSource('').length);
      const { namespace: at, name } = resource.metadata;
      const owner = definedBy.get(objectKey(resource.kind, at, name));
      if (broken.has(file) || (owner !== undefined && !broken.has(owner))) continue;
      store.delete(resource.kind, at, name);
    }
    for (const [file, objects] of good) {
      if (broken.has(file)) continue;
      for (const { resource } of objects) store.put(resource, folderSource(file));
    }
  });
  return problems;
}

function loadFile(file: FolderFile, namespace: string): { objects: readonly LoadedObject[]; problems: Problem[] } {
  if ('problem' in file.content) {
    const base = { file: file.path, line: 0, column: 0, object: '', field: '' };
    return { objects: [], problems: [{ ...base, message: `the file ${file.content.problem}` }] };
  }
  const { objects, problems } = loadFiles([{ name: file.path, text: file.content.text }], namespace);
  return { objects, problems: [...problems] };
}

/** An object may move between files of the folder, unless the file it comes from is broken and so keeps it. */
function conflict(
  store: Store,
  loaded: LoadedObject,
  file: string,
  directory: string,
  broken: ReadonlySet<string>,
): Problem[] {
  const { kind, metadata } = loaded.resource;
  const stored = store.get(kind, metadata.namespace, metadata.name);
  if (stored === undefined) return [];
  const owner = owningFile(stored);
  if (owner !== undefined && path.dirname(owner) === directory && !broken.has(owner)) return [];
  const problem = ownershipProblem(stored, folderSource(file));
  return problem === undefined ? [] : [objectProblem(loaded, problem)];
}

function objectProblem(loaded: LoadedObject, message: string): Problem {
  const { kind, metadata } = loaded.resource;
  const object = `${kind} ${metadata.namespace}/${metadata.name}`;
  return { file: loaded.file, line: loaded.line, column: 1, object, field: '', message: `${object} ${message}` };
}

function keyOf({ resource }: LoadedObject): string {
  return objectKey(resource.kind, resource.metadata.namespace, resource.metadata.name);
}
