/**
 * Returns `next` with every part that equals its counterpart in `previous` replaced by it, and `previous` itself when
 * all is equal: so `===` tells what changed. For plain data: objects, arrays, maps with string keys, primitives.
 */
export function shareStructure<T>(previous: T, next: T): T {
  return share(previous, next) as T;
}

function share(previous: unknown, next: unknown): unknown {
  if (Object.is(previous, next)) return previous;
  if (typeof previous !== 'object' || typeof next !== 'object' || previous === null || next === null) return next;
  if (Array.isArray(previous) && Array.isArray(next)) return shareArray(previous, next);
  if (previous instanceof Map && next instanceof Map) return shareMap(previous, next);
  if (Object.getPrototypeOf(previous) !== Object.prototype || Object.getPrototypeOf(next) !== Object.prototype) {
    return next;
  }
  return shareRecord(previous as Record<string, unknown>, next as Record<string, unknown>);
}

function shareArray(previous: readonly unknown[], next: readonly unknown[]): readonly unknown[] {
  const shared = next.map((item, index) => (index < previous.length ? share(previous[index], item) : item));
  return previous.length === shared.length && shared.every((item, index) => Object.is(item, previous[index]))
    ? previous
    : shared;
}

/** The order of a map counts: two maps that differ in it alone are not the same. */
function shareMap(previous: ReadonlyMap<unknown, unknown>, next: ReadonlyMap<unknown, unknown>): unknown {
  const shared = new Map<unknown, unknown>();
  const keys = previous.keys();
  let same = previous.size === next.size;
  for (const [key, value] of next) {
    const item = share(previous.get(key), value);
    shared.set(key, item);
    same &&= keys.next().value === key && previous.has(key) && Object.is(item, previous.get(key));
  }
  return same ? previous : shared;
}

function shareRecord(previous: Record<string, unknown>, next: Record<string, unknown>): Record<string, unknown> {
  const keys = Object.keys(next);
  const shared: Record<string, unknown> = {};
  let same = keys.length === Object.keys(previous).length;
  for (const key of keys) {
    shared[key] = share(previous[key], next[key]);
    same &&= Object.hasOwn(previous, key) && Object.is(shared[key], previous[key]);
  }
  return same ? previous : shared;
}
