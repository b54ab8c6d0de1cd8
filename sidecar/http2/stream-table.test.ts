import { expect, test } from 'vitest';
import { seededRandom } from '../../lib/random.ts';
import { StreamTable } from './stream-table.ts';

test('a table of streams has what a map has, whatever is added and deleted', () => {
  const random = seededRandom(7);
  const table = new StreamTable<{ id: number }>();
  const map = new Map<number, { id: number }>();
  let next = 1;
  for (let step = 0; step < 20_000; step++) {
    // Grows, shrinks, and leaves gaps that a peer may choose so that places collide.
    const most = step % 4_000 < 2_000 ? 5 : 400;
    if (map.size < most && random() < 0.6) {
      const stream = { id: next };
      next += random() < 0.1 ? 2_048 : 2;
      table.add(stream);
      map.set(stream.id, stream);
    } else {
      const ids = [...map.keys()];
      const id = ids[Math.floor(random() * ids.length)] ?? next;
      table.delete(id);
      map.delete(id);
      expect(table.has(id)).toBe(false);
    }
    expect(table.size).toBe(map.size);
    if (step % 100 > 0) continue;
    for (const [id, stream] of map) expect(table.get(id)).toBe(stream);
    expect(table.values().map(({ id }) => id)).toEqual([...map.keys()]);
    expect(table.get(next)).toBeUndefined();
  }
});
