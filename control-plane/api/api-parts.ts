import type { Clock } from '../../lib/clock.ts';
import type {
  Graph,
  Problem,
  ProxyConfig,
  ProxyStatus,
  ServiceStatsList,
  Trace,
  TraceList,
} from '../../proto/api/v1.ts';
import type { MeshSnapshot } from '../registry/mesh-snapshot.ts';
import type { Registry } from '../registry/registry.ts';
import type { Store } from '../store/store.ts';
import type { TokenStore } from '../store/token-store.ts';

/** What the API asks of the xDS side. */
export interface ProxyView {
  proxies(): readonly ProxyStatus[];
  proxyConfig(id: string, type: string): ProxyConfig | undefined;
  readonly trustBundlePem: string;
}

/** What the API asks of the trace store. */
export interface TelemetryView {
  ingest(body: Buffer, contentType: string, contentEncoding?: string): { status: number; body: string };
  traces(query: {
    service?: string | undefined;
    route?: string | undefined;
    minDurationMs?: number | undefined;
    error?: boolean | undefined;
    limit?: number | undefined;
    before?: string | undefined;
  }): TraceList;
  trace(idOrPrefix: string): Trace | undefined | 'ambiguous';
  services(windowSeconds: number, snapshot: MeshSnapshot, connected: ReadonlySet<string>): ServiceStatsList;
  graph(windowSeconds: number): Graph;
}

/** Everything the API stands on. */
export interface ApiParts {
  readonly store: Store;
  readonly tokens: TokenStore;
  readonly registry: Registry;
  readonly proxies: ProxyView;
  readonly telemetry: TelemetryView;
  /** What is wrong with watched folders now. */
  readonly configProblems: () => readonly Problem[];
  /** Ports of the other listeners; 0 where one is off. */
  readonly ports: () => { readonly xds: number; readonly webhook: number };
  /** Address of the xDS port that sidecars should use. */
  readonly xdsHost: string;
  readonly version: string;
  readonly startedAt: string;
  readonly clock: Clock;
}
