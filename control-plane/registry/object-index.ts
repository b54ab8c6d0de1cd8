import { formatPath } from '../../lib/field-path.ts';
import { kindNamed } from '../config/kinds.ts';
import { validateObject } from '../config/validate.ts';
import type { MeshObject, MeshObjectKind, ObjectOf } from '../model/mesh-object.ts';
import { objectKey } from '../model/mesh-object.ts';
import type { StoreChange, StoredObject } from '../store/store.ts';

/** An object with what the joins need beside it. */
export interface Entry<T extends MeshObject = MeshObject> {
  readonly object: T;
  /** `<namespace>/<name>`. */
  readonly key: string;
  /** `<kind>/<namespace>/<name>`. */
  readonly origin: string;
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAt: string;
}

/**
 * All objects by kind, typed. One that no longer validates (it was written by another version) is set aside alone,
 * with the reason.
 */
export class ObjectIndex {
  readonly #entries = new Map<string, Map<string, Entry>>();
  /** By kind, sorted; emptied for a kind that changes. */
  readonly #sorted = new Map<string, readonly Entry[]>();
  /** By origin. */
  readonly #invalid = new Map<string, string>();

  apply(changes: readonly StoreChange[]): void {
    for (const { kind, namespace, name, stored } of changes) {
      const origin = objectKey(kind, namespace, name);
      this.#entries.get(kind)?.delete(`${namespace}/${name}`);
      this.#sorted.delete(kind);
      this.#invalid.delete(origin);
      if (stored !== undefined) this.#add(origin, stored);
    }
  }

  /** Objects of a kind, oldest first; of the same age by name: the order in which the Gateway API settles conflicts. */
  all<K extends MeshObjectKind>(kind: K): readonly Entry<ObjectOf<K>>[] {
    let sorted = this.#sorted.get(kind);
    if (sorted === undefined) {
      sorted = [...(this.#entries.get(kind)?.values() ?? [])].sort(
        (a, b) => compare(a.createdAt, b.createdAt) || compare(a.key, b.key),
      );
      this.#sorted.set(kind, sorted);
    }
    return sorted as readonly Entry<ObjectOf<K>>[];
  }

  get<K extends MeshObjectKind>(kind: K, namespace: string, name: string): Entry<ObjectOf<K>> | undefined {
    return this.#entries.get(kind)?.get(`${namespace}/${name}`) as Entry<ObjectOf<K>> | undefined;
  }

  /** Objects set aside, with the reason. */
  get invalid(): ReadonlyMap<string, string> {
    return this.#invalid;
  }

  #add(origin: string, { resource }: StoredObject): void {
    const { namespace, name, labels, creationTimestamp } = resource.metadata;
    const kind = kindNamed(resource.kind);
    const validation = kind === undefined ? undefined : validateObject(kind, resource);
    if (validation?.object === undefined) {
      const [problem] = validation?.problems ?? [];
      this.#invalid.set(
        origin,
        problem === undefined ? 'unknown kind' : `${formatPath(problem.path)}: ${problem.message}`,
      );
      return;
    }
    const entry: Entry = {
      object: validation.object,
      key: `${namespace}/${name}`,
      origin,
      namespace,
      name,
      labels: labels ?? {},
      createdAt: creationTimestamp ?? '',
    };
    let ofKind = this.#entries.get(resource.kind);
    if (ofKind === undefined) {
      ofKind = new Map();
      this.#entries.set(resource.kind, ofKind);
    }
    ofKind.set(entry.key, entry);
  }
}

/** Order of code units: the same on every machine, unlike that of a locale. */
export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
