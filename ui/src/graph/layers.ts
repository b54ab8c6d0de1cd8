/** A directed graph by names; edges may name each other's ends in circles, and themselves. */
export interface GraphShape {
  nodes: readonly string[];
  edges: readonly { source: string; destination: string }[];
}

/** An edge turned so that it runs from a lower to a higher layer. */
export interface DownwardEdge {
  /** Index into the edges given. */
  index: number;
  from: string;
  to: string;
  reversed: boolean;
}

/** Turns edges that close a circle and drops those from a node to itself, so that the rest has no circle. */
export function breakCircles({ nodes, edges }: GraphShape): DownwardEdge[] {
  const outgoing = Map.groupBy(
    edges.map((edge, index) => ({ ...edge, index })),
    (edge) => edge.source,
  );
  const entered = new Set(edges.filter((edge) => edge.source !== edge.destination).map((edge) => edge.destination));
  // From where traffic comes in, so that the way of a request runs forward and only the answer to it is turned.
  const starts = [...nodes.filter((node) => !entered.has(node)), ...nodes];
  const state = new Map<string, 'open' | 'done'>();
  const backward = new Set<number>();
  for (const start of starts) {
    if (state.has(start)) continue;
    const stack = [{ node: start, next: 0 }];
    state.set(start, 'open');
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const edge = outgoing.get(top.node)?.[top.next++];
      if (edge === undefined) {
        state.set(top.node, 'done');
        stack.pop();
      } else if (state.get(edge.destination) === 'open') {
        backward.add(edge.index);
      } else if (!state.has(edge.destination)) {
        state.set(edge.destination, 'open');
        stack.push({ node: edge.destination, next: 0 });
      }
    }
  }
  return edges.flatMap(({ source, destination }, index) => {
    if (source === destination) return [];
    const reversed = backward.has(index);
    return [{ index, from: reversed ? destination : source, to: reversed ? source : destination, reversed }];
  });
}

/** The layer of each node: one more than the highest of those it is reached from. */
export function assignLayers(nodes: readonly string[], edges: readonly DownwardEdge[]): Map<string, number> {
  const layers = new Map(nodes.map((node) => [node, 0]));
  const waiting = new Map(nodes.map((node) => [node, 0]));
  for (const { to } of edges) waiting.set(to, (waiting.get(to) ?? 0) + 1);
  const outgoing = Map.groupBy(edges, (edge) => edge.from);
  const ready = nodes.filter((node) => waiting.get(node) === 0);
  for (let node = ready.shift(); node !== undefined; node = ready.shift()) {
    for (const { to } of outgoing.get(node) ?? []) {
      layers.set(to, Math.max(layers.get(to) ?? 0, (layers.get(node) ?? 0) + 1));
      const left = (waiting.get(to) ?? 0) - 1;
      waiting.set(to, left);
      if (left === 0) ready.push(to);
    }
  }
  return layers;
}
