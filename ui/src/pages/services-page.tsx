import type { ServiceStats, ServiceStatsList } from '../../../proto/api/v1.ts';
import { formatDuration, formatPercent, formatRate } from '../format.ts';
import { healthOf, healthWords } from '../health.ts';
import { EmptyState, Notice } from '../parts/empty-state.tsx';
import { FilterChip } from '../parts/filter-chip.tsx';
import { Link } from '../parts/link.tsx';
import { SortHeader, sortRows } from '../parts/sort-header.tsx';
import { Text } from '../parts/text.tsx';
import { useWindowSeconds, WindowChoice } from '../parts/window-choice.tsx';
import { navigate, pathWith, useLocation } from '../router.ts';
import { usePoll } from '../use-poll.ts';

const columns = [
  { key: 'name', label: 'Service', of: (row: ServiceStats) => row.name },
  { key: 'namespace', label: 'Namespace', of: (row: ServiceStats) => row.namespace },
  { key: 'meshed', label: 'Meshed', of: (row: ServiceStats) => row.meshed, numeric: true },
  { key: 'success', label: 'Success', of: (row: ServiceStats) => row.successRate, numeric: true },
  { key: 'rate', label: 'Requests', of: (row: ServiceStats) => row.rate, numeric: true },
  { key: 'p50', label: 'p50', of: (row: ServiceStats) => row.p50Ms, numeric: true },
  { key: 'p95', label: 'p95', of: (row: ServiceStats) => row.p95Ms, numeric: true },
  { key: 'p99', label: 'p99', of: (row: ServiceStats) => row.p99Ms, numeric: true },
];

/** Every service with its golden signals as its callers saw it. */
export function ServicesPage() {
  const { query } = useLocation();
  const windowSeconds = useWindowSeconds();
  const { data, error } = usePoll<ServiceStatsList>(`/api/v1/services?windowSeconds=${windowSeconds}`);
  const search = (query.get('q') ?? '').toLowerCase();
  const namespace = query.get('namespace') ?? '';
  const rows = sortRows(
    (data?.items ?? []).filter(
      (row) => (namespace === '' || row.namespace === namespace) && row.name.toLowerCase().includes(search),
    ),
    columns,
    query.get('sort'),
  );
  return (
    <>
      <div className="page-head">
        <div>
          <h1>Services</h1>
          {data !== undefined && data.items.length > 0 && <Totals rows={rows} />}
        </div>
        <div className="controls">
          <FilterChip name="namespace" value={namespace} />
          <input
            type="search"
            aria-label="Filter by name"
            placeholder="Filter by name"
            value={query.get('q') ?? ''}
            onChange={(event) => navigate(pathWith('/', { ...Object.fromEntries(query), q: event.target.value }), true)}
          />
          <WindowChoice />
        </div>
      </div>
      <Notice error={error} stale={data !== undefined} />
      {data?.items.length === 0 && (
        <EmptyState
          title="No services yet"
          commands={['heddle run --service cart --port 3000 -- node cart.js', 'heddle apply -f service.yaml']}
        >
          Run a program with a sidecar beside it, or apply a Service, and it appears here within a second.
        </EmptyState>
      )}
      {data !== undefined && data.items.length > 0 && (
        <div className="scroll">
          <table className="grid services">
            <thead>
              <tr>
                {columns.map((column) => (
                  <SortHeader key={column.key} column={column} />
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <ServiceRow key={`${row.namespace}/${row.name}`} row={row} />
              ))}
            </tbody>
          </table>
          {rows.length === 0 && <p className="none">No service matches the filter.</p>}
        </div>
      )}
    </>
  );
}

function Totals({ rows }: { rows: readonly ServiceStats[] }) {
  const meshed = rows.reduce((sum, row) => sum + row.meshed, 0);
  const workloads = rows.reduce((sum, row) => sum + row.workloads, 0);
  const rate = rows.reduce((sum, row) => sum + row.rate, 0);
  return (
    <p className="subtitle">
      {rows.length} {rows.length === 1 ? 'service' : 'services'} · {meshed} of {workloads} workloads meshed ·{' '}
      {formatRate(rate)}
    </p>
  );
}

function ServiceRow({ row }: { row: ServiceStats }) {
  const id = `${row.name}.${row.namespace}`;
  const health = healthOf(row.successRate, row.rate);
  const idle = health === 'idle';
  const slower = (ms: number) => pathWith('/traces', { service: id, minDurationMs: String(Math.floor(ms * 10) / 10) });
  return (
    <tr>
      <th scope="row">
        <span className={`dot dot-${health}`} role="img" aria-label={healthWords[health]} title={healthWords[health]} />
        <Link href={pathWith('/traces', { service: id })} className="strong">
          <Text value={row.name} limit={48} />
        </Link>
      </th>
      <td>
        <Link href={pathWith('/', { namespace: row.namespace })}>
          <Text value={row.namespace} limit={32} />
        </Link>
      </td>
      <td className="number">
        <Link href={pathWith('/proxies', { q: row.name })} title="Proxies of its workloads">
          {row.meshed}/{row.workloads}
        </Link>
      </td>
      <td className={`number health-${health}`}>
        {idle ? (
          <span className="muted">–</span>
        ) : (
          <Link href={pathWith('/traces', { service: id, error: 'true' })} title="Traces with errors">
            {formatPercent(row.successRate)}
          </Link>
        )}
      </td>
      <td className="number">
        <Link href={pathWith('/graph', { select: id })} title="In the graph">
          {formatRate(row.rate)}
        </Link>
      </td>
      {[row.p50Ms, row.p95Ms, row.p99Ms].map((ms, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: always these three
        <td className="number" key={index}>
          {idle || ms === 0 ? (
            <span className="muted">–</span>
          ) : (
            <Link href={slower(ms)} title={`Traces of at least ${formatDuration(ms)}`}>
              {formatDuration(ms)}
            </Link>
          )}
        </td>
      ))}
    </tr>
  );
}
