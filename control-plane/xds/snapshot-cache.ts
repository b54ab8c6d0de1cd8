import type { NodeResources } from './resource.ts';

/** What each connected node should have. Knows nothing of streams: whoever watches a node hears of newer resources. */
export class SnapshotCache {
  readonly #resources = new Map<string, NodeResources>();
  readonly #listeners = new Map<string, Set<(resources: NodeResources) => void>>();

  get(node: string): NodeResources | undefined {
    return this.#resources.get(node);
  }

  /** Replaces a node's resources. Watchers are told when a type is another object than before. */
  set(node: string, resources: NodeResources): void {
    const former = this.#resources.get(node);
    this.#resources.set(node, resources);
    if (former !== undefined && sameTypes(former, resources)) return;
    for (const listener of [...(this.#listeners.get(node) ?? [])]) listener(resources);
  }

  /** Forgets a node that is gone. */
  delete(node: string): void {
    this.#resources.delete(node);
  }

  /** Calls `listener` with each newer set of resources, until the returned function is called. */
  watch(node: string, listener: (resources: NodeResources) => void): () => void {
    const listeners = this.#listeners.get(node) ?? new Set();
    listeners.add(listener);
    this.#listeners.set(node, listeners);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(node);
    };
  }
}

function sameTypes(a: NodeResources, b: NodeResources): boolean {
  return a.size === b.size && [...a].every(([type, map]) => b.get(type) === map);
}
