import fc from 'fast-check';
import { expect, test } from 'vitest';
import { layoutGraph, nodeHeight, nodeWidth } from './layout.ts';

const edge = (pair: string) => {
  const [source = '', destination = ''] = pair.split('>');
  return { source, destination };
};

test('callers stand left of those they call', () => {
  const shop = layoutGraph({
    nodes: ['cart', 'catalog', 'checkout', 'external', 'front', 'gateway', 'ratings'],
    edges: [
      'external>gateway',
      'gateway>front',
      'gateway>checkout',
      'front>catalog',
      'front>ratings',
      'front>cart',
      'checkout>cart',
    ].map(edge),
  });
  const x = Object.fromEntries(shop.nodes.map((node) => [node.id, node.x]));
  expect(x.external).toBeLessThan(x.gateway!);
  expect(x.gateway).toBeLessThan(x.front!);
  expect(x.front).toBe(x.checkout);
  expect(x.cart).toBe(x.catalog);
  expect(x.cart).toBeGreaterThan(x.front!);
  expect(shop.edges).toHaveLength(7);
});

test('circles, loops and unknown ends are drawn or left out, never an endless run', () => {
  const layout = layoutGraph({ nodes: ['a', 'b', 'c'], edges: ['a>b', 'b>c', 'c>a', 'b>b', 'a>nobody'].map(edge) });
  expect(layout.edges.map((one) => one.index).sort()).toEqual([0, 1, 2, 3]);
  expect(layoutGraph({ nodes: [], edges: [] })).toMatchObject({ nodes: [], edges: [] });
});

test('in any graph nodes and labels lie apart, inside the picture, and the layout is repeatable', () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
  const pairs = fc.uniqueArray(fc.tuple(fc.constantFrom(...names), fc.constantFrom(...names)), {
    maxLength: 24,
    selector: (pair) => pair.join('>'),
  });
  fc.assert(
    fc.property(pairs, (list) => {
      const shape = { nodes: names, edges: list.map(([source, destination]) => ({ source, destination })) };
      const layout = layoutGraph(shape);
      expect(layoutGraph(shape)).toEqual(layout);
      expect(layout.edges).toHaveLength(list.length);
      for (const [i, one] of layout.nodes.entries()) {
        expect(
          one.x >= 0 && one.y >= 0 && one.x + nodeWidth <= layout.width && one.y + nodeHeight <= layout.height,
        ).toBe(true);
        for (const other of layout.nodes.slice(i + 1)) {
          expect(Math.abs(one.x - other.x) >= nodeWidth || Math.abs(one.y - other.y) >= nodeHeight).toBe(true);
        }
      }
      for (const one of layout.edges) {
        expect(one.path).not.toMatch(/NaN|Infinity/);
        expect(one.labelY <= layout.height).toBe(true);
        const near = layout.edges.filter(
          (other) => Math.abs(other.labelX - one.labelX) < 100 && Math.abs(other.labelY - one.labelY) < 35,
        );
        expect(near).toEqual([one]);
      }
    }),
    { numRuns: 200 },
  );
});
