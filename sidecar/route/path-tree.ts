/** An entry of a {@link PathTree}; of several that fit a path the one with the lowest `order` is wanted. */
export interface PathEntry {
  readonly order: number;
}

interface Node<T> {
  /** What the path has here, below the parent. */
  label: string;
  children: Map<number, Node<T>>;
  /** By `order`. Entries for all paths through here, for whole segments up to here, and for exactly this path. */
  prefix: T[];
  segment: T[];
  exact: T[];
}

const slash = 47;

/**
 * Finds the entries whose path fits, at a cost that grows with the path's length and not with the number of entries:
 * a radix tree over the text of paths.
 */
export class PathTree<T extends PathEntry> {
  readonly #root: Node<T> = createNode('');

  /** Add in the order of `order`. */
  add(kind: 'prefix' | 'segment' | 'exact', path: string, entry: T): void {
    this.#nodeOf(path)[kind].push(entry);
  }

  /** The entry of the lowest order below `limit` that fits `path` and that `accepts` takes. */
  find<C>(path: string, limit: number, accepts: (entry: T, context: C) => boolean, context: C): T | undefined {
    let best: T | undefined;
    let before = limit;
    let node: Node<T> | undefined = this.#root;
    let at = 0;
    while (node !== undefined) {
      if (node.label !== '' && !path.startsWith(node.label, at)) break;
      at += node.label.length;
      const atEnd = at === path.length;
      let found = firstAccepted(node.prefix, before, accepts, context);
      if (found !== undefined) {
        best = found;
        before = found.order;
      }
      if (atEnd || path.charCodeAt(at) === slash) {
        found = firstAccepted(node.segment, before, accepts, context);
        if (found !== undefined) {
          best = found;
          before = found.order;
        }
      }
      if (atEnd) return firstAccepted(node.exact, before, accepts, context) ?? best;
      node = node.children.get(path.charCodeAt(at));
    }
    return best;
  }

  #nodeOf(path: string): Node<T> {
    let node = this.#root;
    let rest = path;
    while (rest !== '') {
      const first = rest.charCodeAt(0);
      const child = node.children.get(first);
      if (child === undefined) {
        const leaf = createNode<T>(rest);
        node.children.set(first, leaf);
        return leaf;
      }
      const shared = sharedLength(child.label, rest);
      if (shared < child.label.length) node.children.set(first, split(child, shared));
      node = node.children.get(first) ?? child;
      rest = rest.slice(shared);
    }
    return node;
  }
}

function createNode<T>(label: string): Node<T> {
  return { label, children: new Map(), prefix: [], segment: [], exact: [] };
}

/** A node for the first `length` characters of the label of `child`, above it. */
function split<T>(child: Node<T>, length: number): Node<T> {
  const upper = createNode<T>(child.label.slice(0, length));
  child.label = child.label.slice(length);
  upper.children.set(child.label.charCodeAt(0), child);
  return upper;
}

function sharedLength(a: string, b: string): number {
  const most = Math.min(a.length, b.length);
  let length = 0;
  while (length < most && a.charCodeAt(length) === b.charCodeAt(length)) length++;
  return length;
}

function firstAccepted<T extends PathEntry, C>(
  entries: readonly T[],
  before: number,
  accepts: (entry: T, context: C) => boolean,
  context: C,
): T | undefined {
  for (const entry of entries) {
    if (entry.order >= before) return undefined;
    if (accepts(entry, context)) return entry;
  }
  return undefined;
}
