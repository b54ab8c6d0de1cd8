import type { Graph } from '../../../proto/api/v1.ts';
import { GraphView } from '../graph/graph-view.tsx';
import { SidePanel } from '../graph/side-panel.tsx';
import { EmptyState, Notice } from '../parts/empty-state.tsx';
import { Lock } from '../parts/icons.tsx';
import { useWindowSeconds, WindowChoice } from '../parts/window-choice.tsx';
import { pathWith, useLocation } from '../router.ts';
import { usePoll } from '../use-poll.ts';

/** Who calls whom, and whether over mTLS. */
export function GraphPage() {
  const { query } = useLocation();
  const windowSeconds = useWindowSeconds();
  const { data, error } = usePoll<Graph>(`/api/v1/graph?windowSeconds=${windowSeconds}`);
  const selected = query.get('select') ?? '';
  const hrefOf = (selection: string) => pathWith('/graph', { ...Object.fromEntries(query), select: selection });
  const plaintext = data?.edges.filter((edge) => !edge.mtls && edge.source !== 'external').length ?? 0;
  return (
    <>
      <div className="page-head">
        <div>
          <h1>Service graph</h1>
          {data !== undefined && data.edges.length > 0 && (
            <p className="subtitle">
              {data.nodes.length} nodes ·{' '}
              {plaintext === 0
                ? 'every call inside the mesh over mTLS'
                : `${plaintext} calls inside the mesh not over mTLS`}
            </p>
          )}
        </div>
        <div className="controls">
          <WindowChoice />
        </div>
      </div>
      <Notice error={error} stale={data !== undefined} />
      {data?.edges.length === 0 && (
        <EmptyState title="No calls in this window" commands={['curl http://localhost:8080/', 'heddle trace ls']}>
          The graph is drawn from traffic. Send a request through the gateway or a sidecar.
        </EmptyState>
      )}
      {data !== undefined && data.edges.length > 0 && (
        <div className="graph-area">
          <div className="graph-main">
            <GraphView graph={data} selected={selected} hrefOf={hrefOf} />
            <GraphLegend />
          </div>
          <SidePanel graph={data} selected={selected} hrefOf={hrefOf} />
        </div>
      )}
    </>
  );
}

function GraphLegend() {
  return (
    <p className="legend">
      <span>
        <Lock closed /> mTLS
      </span>
      <span>
        <Lock closed={false} /> no mTLS
      </span>
      <span>
        <i className="dot dot-good" /> at least 99% succeed
      </span>
      <span>
        <i className="dot dot-degraded" /> 95 to 99%
      </span>
      <span>
        <i className="dot dot-bad" /> less
      </span>
      <span>
        <i className="dot dot-idle" /> no traffic
      </span>
      <span>edges: requests a second, success where below 100%, p95</span>
    </p>
  );
}
