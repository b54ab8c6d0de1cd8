import type { ProxyList, ProxyStatus, SyncState } from '../../../proto/api/v1.ts';
import { formatAge, formatDateTime } from '../format.ts';
import { EmptyState, Notice } from '../parts/empty-state.tsx';
import { FilterChip } from '../parts/filter-chip.tsx';
import { Link } from '../parts/link.tsx';
import { Text } from '../parts/text.tsx';
import { navigate, pathWith, useLocation } from '../router.ts';
import { usePoll } from '../use-poll.ts';
import { visibleText } from '../visible-text.ts';

const types = ['CDS', 'LDS', 'EDS', 'RDS', 'SDS'] as const;

const stateClass: Readonly<Record<SyncState, string>> = {
  SYNCED: 'good',
  'NOT SENT': 'none',
  STALE: 'warn',
  NACK: 'bad',
};

/** Every proxy and whether it runs the configuration it was sent. */
export function ProxiesPage() {
  const { query } = useLocation();
  const { data, error } = usePoll<ProxyList>('/api/v1/proxies');
  const search = (query.get('q') ?? '').toLowerCase();
  const namespace = query.get('namespace') ?? '';
  const rows = (data?.items ?? []).filter(
    (proxy) =>
      (namespace === '' || proxy.namespace === namespace) &&
      (proxy.id.toLowerCase().includes(search) || proxy.spiffeId.toLowerCase().includes(search)),
  );
  return (
    <>
      <div className="page-head">
        <div>
          <h1>Proxies</h1>
          {data !== undefined && data.items.length > 0 && <Totals rows={rows} />}
        </div>
        <div className="controls">
          <FilterChip name="namespace" value={namespace} />
          <input
            type="search"
            aria-label="Filter by name or identity"
            placeholder="Filter by name or identity"
            value={query.get('q') ?? ''}
            onChange={(event) =>
              navigate(pathWith('/proxies', { ...Object.fromEntries(query), q: event.target.value }), true)
            }
          />
        </div>
      </div>
      <Notice error={error} stale={data !== undefined} />
      {data?.items.length === 0 && (
        <EmptyState
          title="No proxies yet"
          commands={[
            'heddle run --service cart --port 3000 -- node cart.js',
            'heddle inject -f deployment.yaml | kubectl apply -f -',
          ]}
        >
          A sidecar or gateway appears here as soon as it connects to the control plane.
        </EmptyState>
      )}
      {data !== undefined && data.items.length > 0 && (
        <div className="scroll">
          <table className="grid proxies">
            <thead>
              <tr>
                <th scope="col">Proxy</th>
                <th scope="col">Namespace</th>
                <th scope="col">Mode</th>
                <th scope="col">Connected</th>
                {types.map((type) => (
                  <th scope="col" key={type}>
                    {type}
                  </th>
                ))}
                <th scope="col">Identity</th>
              </tr>
            </thead>
            {rows.map((proxy) => (
              <ProxyRows key={proxy.id} proxy={proxy} />
            ))}
          </table>
          {rows.length === 0 && <p className="none">No proxy matches the filter.</p>}
        </div>
      )}
    </>
  );
}

function Totals({ rows }: { rows: readonly ProxyStatus[] }) {
  const connected = rows.filter((proxy) => proxy.connected).length;
  const refusing = rows.filter((proxy) => Object.values(proxy.types).some((type) => type.state === 'NACK')).length;
  return (
    <p className="subtitle">
      {connected} of {rows.length} connected
      {refusing > 0 && (
        <span className="health-bad">
          {' '}
          · {refusing === 1 ? '1 refuses its' : `${refusing} refuse their`} configuration
        </span>
      )}
    </p>
  );
}

function ProxyRows({ proxy }: { proxy: ProxyStatus }) {
  const errors = Object.entries(proxy.types).filter(([, type]) => type.error !== '');
  const since = formatAge(proxy.connectedAt, Date.now());
  return (
    <tbody>
      <tr>
        <th scope="row" className="nowrap">
          <span className="strong">
            <Text value={proxy.workload || proxy.id} limit={40} />
          </span>
        </th>
        <td>
          <Link href={pathWith('/proxies', { namespace: proxy.namespace })}>
            <Text value={proxy.namespace} limit={32} />
          </Link>
        </td>
        <td className="muted">
          <Text value={proxy.mode} limit={16} />
        </td>
        <td
          className="nowrap"
          title={`${visibleText(proxy.address)}, since ${formatDateTime(proxy.connectedAt)}, ${visibleText(proxy.version)}`}
        >
          <span className={`dot dot-${proxy.connected ? 'good' : 'bad'}`} aria-hidden="true" />
          {proxy.connected ? since : 'disconnected'}
        </td>
        {types.map((type) => (
          <td key={type}>
            <Sync type={proxy.types[type]} />
          </td>
        ))}
        <td className="mono wrap">
          {proxy.spiffeId === '' ? <span className="muted">none</span> : <Text value={proxy.spiffeId} limit={120} />}
        </td>
      </tr>
      {errors.map(([name, type]) => (
        <tr className="error-row" key={name}>
          <td colSpan={5 + types.length}>
            <strong>
              {name} {type.state}
              {type.nacks > 1 && ` ×${type.nacks}`}
            </strong>{' '}
            <Text value={type.error} limit={500} className="mono" />
          </td>
        </tr>
      ))}
    </tbody>
  );
}

function Sync({ type }: { type: ProxyStatus['types'][string] | undefined }) {
  if (type === undefined) return <span className="muted">–</span>;
  const title = `${type.resources} ${type.resources === 1 ? 'resource' : 'resources'}, version ${visibleText(type.version) || 'none'}`;
  return (
    <span className={`sync sync-${stateClass[type.state] ?? 'none'}`} title={title}>
      {type.state}
    </span>
  );
}
