import type { ReactNode } from 'react';
import type { Graph } from '../../../proto/api/v1.ts';
import { formatDuration, formatPercent, formatRate } from '../format.ts';
import { healthOf } from '../health.ts';
import { Lock } from '../parts/icons.tsx';
import { Link } from '../parts/link.tsx';
import { Text } from '../parts/text.tsx';
import { pathWith } from '../router.ts';
import { edgeId } from './graph-view.tsx';

type Node = Graph['nodes'][number];
type Edge = Graph['edges'][number];

interface SidePanelProps {
  graph: Graph;
  selected: string;
  hrefOf: (selection: string) => string;
}

/** What is known of the selected node or edge; nothing when the selection is not in the graph. */
export function SidePanel({ graph, selected, hrefOf }: SidePanelProps) {
  const node = graph.nodes.find((one) => one.id === selected);
  const edge = graph.edges.find((one) => edgeId(one) === selected);
  if (node === undefined && edge === undefined) return null;
  const nodes = new Map(graph.nodes.map((one) => [one.id, one]));
  return (
    <aside className="panel" aria-label="Selection">
      <Link href={hrefOf('')} className="close" label="Close">
        ×
      </Link>
      {node !== undefined && <NodePanel node={node} graph={graph} nodes={nodes} hrefOf={hrefOf} />}
      {edge !== undefined && <EdgePanel edge={edge} nodes={nodes} />}
    </aside>
  );
}

type Nodes = ReadonlyMap<string, Node>;

function NodePanel(props: { node: Node; graph: Graph; nodes: Nodes; hrefOf: (selection: string) => string }) {
  const { node, graph, nodes, hrefOf } = props;
  const incoming = graph.edges.filter((edge) => edge.destination === node.id);
  const outgoing = graph.edges.filter((edge) => edge.source === node.id);
  const identity =
    incoming.find((edge) => edge.destinationId)?.destinationId ?? outgoing.find((edge) => edge.sourceId)?.sourceId;
  return (
    <>
      <h2>
        <Text value={node.name} limit={40} />
      </h2>
      <p className="subtitle">
        {node.kind === 'external' ? 'outside the mesh' : <Text value={`${node.kind} in ${node.namespace}`} />}
      </p>
      {node.kind !== 'external' && (
        <dl className="facts-list">
          <Fact name="SPIFFE id">
            {identity ? <Text value={identity} limit={200} className="mono" /> : <Unproved />}
          </Fact>
        </dl>
      )}
      <Calls
        title="Called by"
        edges={incoming}
        other={(edge) => nodes.get(edge.source)?.name ?? edge.source}
        hrefOf={hrefOf}
      />
      <Calls
        title="Calls"
        edges={outgoing}
        other={(edge) => nodes.get(edge.destination)?.name ?? edge.destination}
        hrefOf={hrefOf}
      />
      {node.kind !== 'external' && (
        <p>
          <Link href={pathWith('/traces', { service: `${node.name}.${node.namespace}` })}>Traces through it →</Link>
        </p>
      )}
    </>
  );
}

function Calls(props: {
  title: string;
  edges: readonly Edge[];
  other: (edge: Edge) => string;
  hrefOf: (selection: string) => string;
}) {
  if (props.edges.length === 0) return null;
  return (
    <>
      <h3>{props.title}</h3>
      <ul className="calls">
        {props.edges.map((edge) => (
          <li key={edgeId(edge)}>
            <Lock closed={edge.mtls} />
            <Link href={props.hrefOf(edgeId(edge))}>
              <Text value={props.other(edge)} limit={24} />
            </Link>
            <span className="number">{formatRate(edge.rate)}</span>
            <span className={`number health-${healthOf(edge.successRate, edge.rate)}`}>
              {formatPercent(edge.successRate)}
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}

function EdgePanel({ edge, nodes }: { edge: Edge; nodes: Nodes }) {
  const source = nodes.get(edge.source);
  const destination = nodes.get(edge.destination);
  const health = healthOf(edge.successRate, edge.rate);
  return (
    <>
      <h2>
        <Text value={source?.name ?? edge.source} limit={24} /> →{' '}
        <Text value={destination?.name ?? edge.destination} limit={24} />
      </h2>
      <p className="subtitle">
        <Lock closed={edge.mtls} /> {edge.mtls ? 'mTLS on every request' : 'not every request was over mTLS'}
      </p>
      <dl className="facts-list">
        <Fact name="Requests">{formatRate(edge.rate)}</Fact>
        <Fact name="Success">
          <span className={`health-${health}`}>{formatPercent(edge.successRate)}</span>
        </Fact>
        <Fact name="p95">{edge.p95Ms > 0 ? formatDuration(edge.p95Ms) : '–'}</Fact>
        <Fact name="Caller's SPIFFE id">
          {edge.sourceId === '' ? <Unproved /> : <Text value={edge.sourceId} limit={200} className="mono" />}
        </Fact>
        <Fact name="Called SPIFFE id">
          {edge.destinationId === '' ? <Unproved /> : <Text value={edge.destinationId} limit={200} className="mono" />}
        </Fact>
      </dl>
      {destination !== undefined && (
        <p>
          <Link href={pathWith('/traces', { service: `${destination.name}.${destination.namespace}` })}>
            Traces through {destination.kind === 'gateway' ? 'the gateway' : 'the called service'} →
          </Link>
        </p>
      )}
    </>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Unproved() {
  return <span className="muted">none proved</span>;
}
