import { useState } from 'react';
import type { ServiceStatsList, TraceList, TraceSummary } from '../../../proto/api/v1.ts';
import { formatDateTime, formatDuration, formatTime } from '../format.ts';
import { EmptyState, Notice } from '../parts/empty-state.tsx';
import { FilterChip } from '../parts/filter-chip.tsx';
import { Link } from '../parts/link.tsx';
import { StatusCode } from '../parts/status-code.tsx';
import { Text } from '../parts/text.tsx';
import { navigate, pathWith, useLocation } from '../router.ts';
import { usePoll } from '../use-poll.ts';

const pageSize = 50;

/** The newest traces, by filters that stay in the address. */
export function TracesPage() {
  const { query } = useLocation();
  const [paused, setPaused] = useState(false);
  const parameters = Object.fromEntries(
    ['service', 'route', 'minDurationMs', 'error', 'before'].map((key) => [key, query.get(key) ?? undefined]),
  );
  // An older page does not change.
  const still = paused || parameters.before !== undefined;
  const { data, error } = usePoll<TraceList>(
    pathWith('/api/v1/traces', { ...parameters, limit: String(pageSize) }),
    still,
  );
  const filtered = Object.values(parameters).some((value) => value !== undefined);
  const last = data?.items.at(-1);
  return (
    <>
      <div className="page-head">
        <div>
          <h1>Traces</h1>
          <p className="subtitle">{parameters.before === undefined ? 'Newest first' : 'Older ones, newest first'}</p>
        </div>
        <Filters parameters={parameters} />
        <button
          type="button"
          className="live"
          aria-pressed={!still}
          onClick={() => setPaused(!paused)}
          disabled={parameters.before !== undefined}
        >
          <span className="dot" aria-hidden="true" />
          {still ? 'Paused' : 'Live'}
        </button>
      </div>
      <Notice error={error} stale={data !== undefined} />
      {data?.items.length === 0 && <NoTraces filtered={filtered} />}
      {data !== undefined && data.items.length > 0 && <TraceTable items={data.items} />}
      <p className="pages">
        {parameters.before !== undefined && (
          <Link href={pathWith('/traces', { ...parameters, before: undefined })}>← Newest</Link>
        )}
        {last !== undefined && data?.items.length === pageSize && (
          <Link href={pathWith('/traces', { ...parameters, before: last.startTime })}>Older →</Link>
        )}
      </p>
    </>
  );
}

function Filters({ parameters }: { parameters: Record<string, string | undefined> }) {
  const { data } = usePoll<ServiceStatsList>('/api/v1/services?windowSeconds=300', true);
  const names = [...new Set((data?.items ?? []).map((item) => `${item.name}.${item.namespace}`))];
  const set = (key: string, value: string | undefined) =>
    navigate(pathWith('/traces', { ...parameters, before: undefined, [key]: value }), true);
  return (
    <search className="controls">
      <FilterChip name="route" value={parameters.route ?? ''} />
      <label>
        <span>Service</span>
        <input
          type="search"
          list="service-names"
          placeholder="any"
          value={parameters.service ?? ''}
          onChange={(event) => set('service', event.target.value.trim())}
        />
      </label>
      <datalist id="service-names">
        {names.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <label>
        <span>At least</span>
        <input
          type="number"
          min="0"
          step="any"
          className="short"
          placeholder="0"
          value={parameters.minDurationMs ?? ''}
          onChange={(event) => set('minDurationMs', event.target.value)}
        />
        <span>ms</span>
      </label>
      <label>
        <input
          type="checkbox"
          checked={parameters.error === 'true'}
          onChange={(event) => set('error', event.target.checked ? 'true' : undefined)}
        />
        <span>Errors only</span>
      </label>
    </search>
  );
}

function TraceTable({ items }: { items: readonly TraceSummary[] }) {
  const longest = Math.max(...items.map((item) => item.durationMs), 0.001);
  return (
    <div className="scroll">
      <table className="grid traces">
        <thead>
          <tr>
            <th scope="col">Operation</th>
            <th scope="col">Entered at</th>
            <th scope="col">Status</th>
            <th scope="col" colSpan={2}>
              Duration
            </th>
            <th scope="col" className="number">
              Services
            </th>
            <th scope="col" className="number">
              Spans
            </th>
            <th scope="col">Started</th>
            <th scope="col">Trace</th>
          </tr>
        </thead>
        <tbody>
          {items.map((item) => (
            <tr key={item.traceId}>
              <th scope="row">
                <Link href={`/traces/${item.traceId}`} className="strong">
                  <Text value={item.name} limit={60} />
                </Link>
              </th>
              <td>
                <Link href={pathWith('/traces', { service: item.service })}>
                  <Text value={item.service} limit={32} />
                </Link>
              </td>
              <td>
                <StatusCode status={item.status} error={item.errors > 0} />
              </td>
              <td className="number">{formatDuration(item.durationMs)}</td>
              <td className="bar-cell">
                <svg className="duration-bar" aria-hidden="true" preserveAspectRatio="none" viewBox="0 0 100 6">
                  <rect
                    className={item.errors > 0 ? 'bad' : undefined}
                    width={Math.max(1, (100 * item.durationMs) / longest)}
                    height="6"
                    rx="1"
                  />
                </svg>
              </td>
              <td className="number">{item.services}</td>
              <td className="number">{item.spans}</td>
              <td className="nowrap" title={formatDateTime(item.startTime)}>
                {formatTime(item.startTime)}
              </td>
              <td>
                <Link href={`/traces/${item.traceId}`} className="mono muted" label={`Trace ${item.traceId}`}>
                  {item.traceId.slice(0, 8)}
                </Link>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function NoTraces({ filtered }: { filtered: boolean }) {
  if (filtered) {
    return (
      <EmptyState title="No trace matches" commands={['heddle trace ls']}>
        Take a filter off or wait: new traces appear here as they arrive. <Link href="/traces">Remove all filters</Link>
      </EmptyState>
    );
  }
  return (
    <EmptyState title="No traces yet" commands={['curl http://localhost:8080/', 'heddle trace ls']}>
      Send a request through the gateway or a sidecar; its trace arrives within a second or two.
    </EmptyState>
  );
}
