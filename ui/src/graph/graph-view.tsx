import { useMemo } from 'react';
import type { Graph } from '../../../proto/api/v1.ts';
import { formatDuration, formatPercent, formatRate } from '../format.ts';
import { healthOf, healthWords } from '../health.ts';
import { LockShape } from '../parts/icons.tsx';
import { follow } from '../parts/link.tsx';
import { shorten, visibleText } from '../visible-text.ts';
import { type GraphLayout, layoutGraph, nodeHeight, nodeWidth, type PlacedEdge, type PlacedNode } from './layout.ts';

type Node = Graph['nodes'][number];
type Edge = Graph['edges'][number];

interface GraphViewProps {
  graph: Graph;
  /** Id of a node, or {@link edgeId} of an edge. */
  selected: string;
  hrefOf: (selection: string) => string;
}

export const edgeId = (edge: Edge) => `${edge.source}>${edge.destination}`;

/** Who calls whom, drawn in layers. Nodes and edges are links that select them. */
export function GraphView({ graph, selected, hrefOf }: GraphViewProps) {
  // Rates change with every answer, the shape seldom: it alone decides where things stand.
  const shape = JSON.stringify({
    nodes: graph.nodes.map((node) => node.id),
    edges: graph.edges.map(({ source, destination }) => ({ source, destination })),
  });
  const layout = useMemo<GraphLayout>(() => layoutGraph(JSON.parse(shape)), [shape]);
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]));
  const near = neighbourhood(graph, selected);
  return (
    <section className="graph-scroll" aria-label="Service graph">
      {/* biome-ignore lint/a11y/noSvgWithoutTitle: the section names it, and its parts are links with names of their own */}
      <svg
        className={near === undefined ? 'graph' : 'graph graph-selected'}
        width={layout.width}
        height={layout.height}
        style={{ minWidth: layout.width * 0.7 }}
        viewBox={`0 0 ${layout.width} ${layout.height}`}
      >
        <defs>
          <marker
            id="arrow"
            viewBox="0 0 8 8"
            refX="7"
            refY="4"
            markerWidth="11"
            markerHeight="11"
            markerUnits="userSpaceOnUse"
            orient="auto"
          >
            <path className="arrow" d="M0 0.8 7.4 4 0 7.2z" />
          </marker>
        </defs>
        {layout.edges.map((placed) => {
          const edge = graph.edges[placed.index];
          if (edge === undefined) return null;
          const id = edgeId(edge);
          const role = id === selected ? 'chosen' : near?.has(id) ? 'near' : '';
          return <EdgeLine key={id} edge={edge} placed={placed} role={role} href={hrefOf(id)} />;
        })}
        {layout.nodes.map((placed) => {
          const node = nodes.get(placed.id);
          if (node === undefined) return null;
          const role = node.id === selected ? 'chosen' : near?.has(node.id) ? 'near' : '';
          return <NodeBox key={node.id} node={node} placed={placed} graph={graph} role={role} href={hrefOf(node.id)} />;
        })}
      </svg>
    </section>
  );
}

function EdgeLine(props: { edge: Edge; placed: PlacedEdge; role: string; href: string }) {
  const { edge, placed, role, href } = props;
  const health = healthOf(edge.successRate, edge.rate);
  const failing = edge.successRate < 1;
  const spoken = `${visibleText(edge.source)} calls ${visibleText(edge.destination)}: ${formatRate(edge.rate)}, ${formatPercent(edge.successRate)} success, p95 ${formatDuration(edge.p95Ms)}, ${edge.mtls ? 'mTLS' : 'no mTLS'}`;
  const half = failing ? 50 : 33;
  return (
    <a className={`edge edge-${health} ${role}`} href={href} onClick={follow(href)} aria-label={spoken}>
      <title>{spoken}</title>
      <path className="edge-hit" d={placed.path} />
      <path className="edge-line" d={placed.path} markerEnd="url(#arrow)" />
      <g transform={`translate(${placed.labelX} ${placed.labelY})`}>
        <rect className="edge-plate" x={-half} y="-17" width={2 * half} height="34" rx="6" />
        <g transform={`translate(${5 - half} -14.5)`}>
          <LockShape closed={edge.mtls} />
        </g>
        <text x={21 - half} y="-4.5" className="edge-rate">
          {formatRate(edge.rate)}
        </text>
        <text x={6 - half} y="10.5" className="edge-more">
          {edge.p95Ms > 0 && formatDuration(edge.p95Ms)}
        </text>
        <text
          x={half - 6}
          y="10.5"
          textAnchor="end"
          className={failing ? `edge-success health-${health}` : 'edge-success'}
        >
          {failing ? formatPercent(edge.successRate) : ''}
        </text>
      </g>
    </a>
  );
}

function NodeBox(props: { node: Node; placed: PlacedNode; graph: Graph; role: string; href: string }) {
  const { node, placed, graph, role, href } = props;
  const incoming = graph.edges.filter((edge) => edge.destination === node.id);
  const rate = incoming.reduce((sum, edge) => sum + edge.rate, 0);
  const good = incoming.reduce((sum, edge) => sum + edge.rate * edge.successRate, 0);
  const health = healthOf(rate > 0 ? good / rate : 1, rate);
  const name = visibleText(node.name);
  const below = node.kind === 'external' ? 'outside the mesh' : visibleText(node.namespace);
  const kind = node.kind === 'service' ? '' : `${node.kind} `;
  const spoken = `${kind}${name}, ${below}, ${node.kind === 'external' ? '' : healthWords[health]}`;
  return (
    <a
      className={`node node-${node.kind} node-${health} ${role}`}
      href={href}
      onClick={follow(href)}
      aria-label={spoken}
    >
      <title>{spoken}</title>
      <g transform={`translate(${placed.x} ${placed.y})`}>
        <rect
          className="node-box"
          width={nodeWidth}
          height={nodeHeight}
          rx={node.kind === 'external' ? nodeHeight / 2 : 9}
        />
        {node.kind === 'gateway' && (
          <rect className="node-inner" x="3.5" y="3.5" width={nodeWidth - 7} height={nodeHeight - 7} rx="6" />
        )}
        {node.kind !== 'external' && <circle className="node-health" cx="18" cy={nodeHeight / 2} r="4.5" />}
        <text x={node.kind === 'external' ? 22 : 32} y="22" className="node-name">
          {shorten(name, 16)}
        </text>
        <text x={node.kind === 'external' ? 22 : 32} y="38" className="node-namespace">
          {shorten(node.kind === 'gateway' ? `gateway · ${below}` : below, 20)}
        </text>
      </g>
    </a>
  );
}

/** The selected thing with what touches it; `undefined` when nothing of the graph is selected. */
function neighbourhood(graph: Graph, selected: string): Set<string> | undefined {
  const touching = graph.edges.filter(
    (edge) => edgeId(edge) === selected || edge.source === selected || edge.destination === selected,
  );
  if (touching.length === 0) return undefined;
  return new Set(touching.flatMap((edge) => [edgeId(edge), edge.source, edge.destination]));
}
