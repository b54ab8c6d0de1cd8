import { assignLayers, breakCircles, type DownwardEdge, type GraphShape } from './layers.ts';

/** Sizes in pixels. */
export const nodeWidth = 140;
export const nodeHeight = 50;
const layerGap = 128;
const rowGap = 46;
/** Room of a label; two never share it. */
const labelWidth = 100;
const labelHeight = 36;
const margin = 24;

export interface PlacedNode {
  id: string;
  /** Of the upper left corner. */
  x: number;
  y: number;
}

export interface PlacedEdge {
  /** Index into the edges given. */
  index: number;
  /** SVG path from source to destination. */
  path: string;
  /** Middle of the label. */
  labelX: number;
  labelY: number;
}

export interface GraphLayout {
  width: number;
  height: number;
  nodes: PlacedNode[];
  edges: PlacedEdge[];
}

/** A node, or a point at which an edge crosses a layer; `y` is its middle. */
interface Cell {
  id: string;
  layer: number;
  height: number;
  y: number;
  before: Cell[];
  after: Cell[];
}

/**
 * Lays a graph out in layers from left to right (Sugiyama's method): circles broken, layers by longest path, crossings
 * reduced by medians, long edges bent around nodes. The same graph always comes out the same.
 */
export function layoutGraph(shape: GraphShape): GraphLayout {
  const known = new Set(shape.nodes);
  const usable = shape.edges.map((edge) =>
    known.has(edge.source) && known.has(edge.destination) ? edge : { source: '', destination: '' },
  );
  const downward = breakCircles({ nodes: shape.nodes, edges: usable });
  const layers = assignLayers(shape.nodes, downward);
  const { columns, chains, cells } = buildColumns(shape.nodes, downward, layers);
  orderColumns(columns);
  placeRows(columns);
  const top = Math.min(0, ...columns.flat().map((cell) => cell.y - cell.height / 2));
  for (const cell of columns.flat()) cell.y += margin - top;
  const outOf = Map.groupBy(downward, (edge) => edge.from);
  const into = Map.groupBy(downward, (edge) => edge.to);
  const edges = downward.map((edge, i) => {
    const crowding = (outOf.get(edge.from)?.length ?? 0) - (into.get(edge.to)?.length ?? 0);
    return drawEdge(edge, chains[i] ?? [], crowding);
  });
  for (const [index, { source, destination }] of usable.entries()) {
    const cell = source === destination ? cells.get(source) : undefined;
    if (cell !== undefined) edges.push(drawLoop(index, cell));
  }
  spreadLabels(edges);
  const bottoms = columns.flat().map((cell) => cell.y + cell.height / 2);
  return {
    width: columns.length * nodeWidth + Math.max(0, columns.length - 1) * layerGap + 2 * margin,
    height: Math.max(0, ...bottoms, ...edges.map((edge) => edge.labelY + labelHeight / 2)) + margin,
    nodes: shape.nodes.flatMap((id) => {
      const cell = cells.get(id);
      return cell === undefined ? [] : [{ id, x: leftOf(cell.layer), y: cell.y - nodeHeight / 2 }];
    }),
    edges,
  };
}

const leftOf = (layer: number) => margin + layer * (nodeWidth + layerGap);

function buildColumns(nodes: readonly string[], edges: readonly DownwardEdge[], layers: ReadonlyMap<string, number>) {
  const columns: Cell[][] = [];
  const add = (id: string, layer: number, height: number): Cell => {
    const cell: Cell = { id, layer, height, y: 0, before: [], after: [] };
    while (columns.length <= layer) columns.push([]);
    columns[layer]?.push(cell);
    return cell;
  };
  const cells = new Map(nodes.map((id) => [id, add(id, layers.get(id) ?? 0, nodeHeight)]));
  const chains = edges.map(({ from, to }) => {
    const [first, last] = [cells.get(from), cells.get(to)];
    if (first === undefined || last === undefined) return [];
    const chain = [first];
    for (let layer = first.layer + 1; layer < last.layer; layer++) chain.push(add('', layer, 12));
    chain.push(last);
    for (const [i, cell] of chain.entries()) {
      const next = chain[i + 1];
      if (next === undefined) continue;
      cell.after.push(next);
      next.before.push(cell);
    }
    return chain;
  });
  return { columns, chains, cells };
}

/** Sorts each column by the mean place of its neighbours, to and fro a few times. */
function orderColumns(columns: readonly Cell[][]): void {
  for (let sweep = 0; sweep < 8; sweep++) {
    const forward = sweep % 2 === 0;
    const place = new Map(columns.flatMap((column) => column.map((cell, i) => [cell, i] as const)));
    for (const column of forward ? columns : columns.toReversed()) {
      const wanted = new Map(
        column.map((cell, i) => {
          const neighbours = forward ? cell.before : cell.after;
          const sum = neighbours.reduce((total, other) => total + (place.get(other) ?? 0), 0);
          return [cell, neighbours.length === 0 ? i : sum / neighbours.length] as const;
        }),
      );
      column.sort((a, b) => (wanted.get(a) ?? 0) - (wanted.get(b) ?? 0));
      for (const [i, cell] of column.entries()) place.set(cell, i);
    }
  }
}

/** Pulls each cell towards its neighbours, keeping order and distance. */
function placeRows(columns: readonly Cell[][]): void {
  for (const column of columns) {
    let y = 0;
    for (const cell of column) {
      cell.y = y + cell.height / 2;
      y += cell.height + rowGap;
    }
    for (const cell of column) cell.y -= (y - rowGap) / 2;
  }
  for (let round = 0; round < 12; round++) {
    for (const column of round % 2 === 0 ? columns : columns.toReversed()) {
      for (const cell of column) {
        const neighbours = [...cell.before, ...cell.after];
        if (neighbours.length > 0) cell.y = neighbours.reduce((sum, other) => sum + other.y, 0) / neighbours.length;
      }
      separate(column);
    }
  }
}

/** Restores the least distance inside a column without moving its middle. */
function separate(column: readonly Cell[]): void {
  const middle = column.reduce((sum, cell) => sum + cell.y, 0) / Math.max(1, column.length);
  for (const [i, cell] of column.entries()) {
    const above = column[i - 1];
    if (above === undefined) continue;
    cell.y = Math.max(cell.y, above.y + (above.height + cell.height) / 2 + rowGap);
  }
  const moved = column.reduce((sum, cell) => sum + cell.y, 0) / Math.max(1, column.length);
  for (const cell of column) cell.y -= moved - middle;
}

interface Point {
  x: number;
  y: number;
}

/** `crowding` is above 0 where more edges leave the source than enter the destination: there the label stands late. */
function drawEdge({ index, reversed }: DownwardEdge, chain: readonly Cell[], crowding: number): PlacedEdge {
  // A turned edge runs a little lower, so that it does not lie on the one it answers.
  const shift = reversed ? 12 : 0;
  const points = chain.flatMap((cell, i): Point[] => {
    const left = { x: leftOf(cell.layer), y: cell.y + shift };
    const right = { x: left.x + nodeWidth, y: left.y };
    if (i === 0) return [right];
    return i === chain.length - 1 ? [left] : [left, right];
  });
  const ordered = reversed ? points.toReversed() : points;
  // The first stretch for a label near the source, the last one near the destination.
  const [from, to] = crowding > 0 ? points.slice(-2) : points;
  // Where along the curve, and how far it has come by then.
  const [along, risen] = crowding > 0 ? [0.6, 0.69] : crowding < 0 ? [0.4, 0.31] : [0.5, 0.5];
  const between = (a = 0, b = 0, share: number) => a + (b - a) * share;
  return {
    index,
    path: smooth(ordered),
    labelX: between(from?.x, to?.x, along),
    labelY: between(from?.y, to?.y, risen),
  };
}

/** A curve through points that leaves and enters each one horizontally. */
function smooth(points: readonly Point[]): string {
  return points
    .map(({ x, y }, i) => {
      const before = points[i - 1];
      if (before === undefined) return `M${round(x)} ${round(y)}`;
      const middle = round((before.x + x) / 2);
      return `C${middle} ${round(before.y)} ${middle} ${round(y)} ${round(x)} ${round(y)}`;
    })
    .join('');
}

function drawLoop(index: number, cell: Cell): PlacedEdge {
  const x = leftOf(cell.layer) + nodeWidth - 40;
  const y = cell.y - nodeHeight / 2;
  return { index, path: `M${x} ${round(y)}c0 -30 28 -30 28 0`, labelX: x + 14, labelY: y - 14 };
}

/** Moves labels that would lie on one another apart, downwards. */
function spreadLabels(edges: readonly PlacedEdge[]): void {
  const placed: PlacedEdge[] = [];
  for (const edge of edges.toSorted((a, b) => a.labelY - b.labelY)) {
    const beside = placed.filter((other) => Math.abs(other.labelX - edge.labelX) < labelWidth);
    for (const other of beside.sort((a, b) => a.labelY - b.labelY)) {
      if (Math.abs(other.labelY - edge.labelY) < labelHeight) edge.labelY = other.labelY + labelHeight;
    }
    placed.push(edge);
  }
}

const round = (value: number) => Math.round(value * 10) / 10;
