import path from 'node:path';
import type { Store, StoredObject } from '../store/store.ts';
import { registrationSource } from './registrations.ts';

/** Owner of objects that came through the API. */
export const apiSource = 'api';

const folderPrefix = 'folder:';

/** Owner of objects that a file of a watched folder defines. */
export function folderSource(file: string): string {
  return `${folderPrefix}${file}`;
}

/** The file that owns an object, or `undefined` when none does. */
export function owningFile(stored: StoredObject): string | undefined {
  return stored.source.startsWith(folderPrefix) ? stored.source.slice(folderPrefix.length) : undefined;
}

/**
 * Why someone may not change or delete an object, or `undefined` when they may. One owner for each object: two would
 * undo each other's changes for ever. A Service made for registered workloads gives way to anybody's own.
 */
export function ownershipProblem(stored: StoredObject, source: string): string | undefined {
  if (stored.source === source) return undefined;
  const file = owningFile(stored);
  if (file !== undefined) return `is defined by ${file}; change it there`;
  if (stored.source === registrationSource) {
    return stored.resource.kind === 'Service' ? undefined : 'was registered by its sidecar, which alone changes it';
  }
  return 'was applied through the API; delete it there first';
}

/** Why someone may not delete an object, or `undefined` when they may. */
export function deletionProblem(stored: StoredObject, source: string): string | undefined {
  if (stored.source !== source && stored.source === registrationSource && stored.resource.kind === 'Service') {
    return 'was made for workloads that registered; it goes with the last of them';
  }
  return ownershipProblem(stored, source);
}

/**
 * Gives objects of folders that are no longer watched to the API: nobody could change them otherwise. Returns how
 * many.
 */
export function releaseUnwatched(store: Store, directories: readonly string[]): number {
  const watched = (file: string) => directories.some((directory) => path.dirname(file) === path.resolve(directory));
  const orphans = store.list().filter((stored) => {
    const file = owningFile(stored);
    return file !== undefined && !watched(file);
  });
  if (orphans.length === 0) return 0;
  store.transaction(() => {
    for (const { resource } of orphans) store.put(resource, apiSource);
  });
  return orphans.length;
}
