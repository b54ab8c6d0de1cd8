/**
 * The control plane's JSON API (port 15014), version v1. Types only: the server, the CLI and the console share them.
 * Errors of every call are {@link ApiError} with a 4xx or 5xx status. A mutation needs `content-type: application/json`
 * and the header `x-heddle-client` (any value), which no cross-origin form can send.
 *
 * | call | answer |
 * |---|---|
 * | `GET  /api/v1/info` | {@link Info} |
 * | `GET  /api/v1/resources/<kind>?namespace=<ns>&limit=&continue=` (kind: plural, singular or short name, or `all`) | {@link ResourceList} |
 * | `GET  /api/v1/resources/<kind>/<ns>/<name>` | {@link Resource} or 404 |
 * | `POST /api/v1/apply` {@link ApplyRequest} | {@link ApplyResponse}; 422 with problems and nothing changed |
 * | `POST /api/v1/diff` {@link ApplyRequest} | {@link DiffResponse}; 422 likewise |
 * | `POST /api/v1/delete` {@link DeleteRequest} | {@link ApplyResponse} |
 * | `GET  /api/v1/proxies` | {@link ProxyList} |
 * | `GET  /api/v1/proxies/<id>/config/<type>` (clusters, listeners, routes, endpoints, secrets) | {@link ProxyConfig} |
 * | `POST /api/v1/tokens` {@link TokenRequest} | {@link TokenResponse} |
 * | `GET  /api/v1/traces?service=&route=&minDurationMs=&error=true&limit=&before=` | {@link TraceList} |
 * | `GET  /api/v1/traces/<id>` (whole id or a unique prefix of at least 4) | {@link Trace} or 404 |
 * | `GET  /api/v1/services?windowSeconds=` | {@link ServiceStatsList} |
 * | `GET  /api/v1/graph?windowSeconds=` | {@link Graph} |
 * | `POST /v1/traces` | OTLP/HTTP JSON intake, as OpenTelemetry defines it |
 * | `GET  /healthz`, `/readyz`, `/metrics` | text |
 */

export interface ApiError {
  error: {
    /** Stable kebab-case code. */
    code: string;
    /** What happened, where, and what to do. */
    message: string;
    problems?: Problem[];
  };
}

/** One thing wrong with one place in a file. */
export interface Problem {
  file: string;
  /** 1-based; 0 where the whole file is meant. */
  line: number;
  column: number;
  /** `HTTPRoute shop/ratings`, or empty where the document could not be read so far. */
  object: string;
  /** Path of the field, for example `spec.rules[0].backendRefs[0].weight`; empty for the whole document. */
  field: string;
  message: string;
  /** What to write instead, where that is known. */
  hint?: string;
}

export interface Info {
  version: string;
  trustDomain: string;
  startedAt: string;
  /** Ports in use; 0 where a listener is off. */
  ports: { xds: number; api: number; webhook: number };
  /** What is wrong with files of watched folders now; absent when nothing is. */
  configProblems?: Problem[];
}

/** A declarative object, in the shape of Kubernetes. */
export interface Resource {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    /** Set by the server. */
    uid?: string;
    generation?: number;
    resourceVersion?: string;
    creationTimestamp?: string;
  };
  spec?: unknown;
  /** Secrets: base64 values; read back as `<redacted>`. */
  data?: Record<string, string>;
  stringData?: Record<string, string>;
  type?: string;
  status?: { conditions?: Condition[]; [more: string]: unknown };
}

export interface Condition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message: string;
  /** RFC 3339; when `status` last changed, or this control plane started, whichever is later. */
  lastTransitionTime: string;
}

export interface ResourceList {
  items: Resource[];
  /** There is more: ask again with `?continue=<this>`. A page has at most 500 objects (`?limit=`). */
  continue?: string;
}

export interface SourceFile {
  /** As the user named it; `-` for standard input. */
  name: string;
  text: string;
}

export interface ApplyRequest {
  files: SourceFile[];
  /** Namespace for objects that name none. Default `default`. */
  namespace?: string;
  /** Validate and answer, but change nothing. */
  dryRun?: boolean;
}

export interface DeleteRequest {
  /** Delete the objects these files name … */
  files?: SourceFile[];
  /** … or these. */
  objects?: { kind: string; namespace: string; name: string }[];
  namespace?: string;
}

export interface ApplyResponse {
  results: ApplyResult[];
}

export interface ApplyResult {
  kind: string;
  namespace: string;
  name: string;
  action: 'created' | 'configured' | 'unchanged' | 'deleted' | 'not-found';
}

export interface DiffResponse {
  objects: {
    kind: string;
    namespace: string;
    name: string;
    action: 'created' | 'configured' | 'unchanged';
    /** YAML before and after; empty where there is none. */
    before: string;
    after: string;
  }[];
}

export type SyncState = 'SYNCED' | 'NOT SENT' | 'STALE' | 'NACK';

/** One proxy; the row of `heddle proxy-status`. */
export interface ProxyStatus {
  id: string;
  /** `sidecar`, `gateway`, `envoy` or `grpc`. */
  mode: string;
  namespace: string;
  workload: string;
  spiffeId: string;
  version: string;
  address: string;
  connectedAt: string;
  connected: boolean;
  /** Per type: `CDS`, `LDS`, `EDS`, `RDS`, `SDS`. */
  types: Record<string, { state: SyncState; version: string; resources: number; nacks: number; error: string }>;
}

export interface ProxyList {
  items: ProxyStatus[];
}

/** What the control plane computed for a proxy, as ProtoJSON. */
export interface ProxyConfig {
  id: string;
  type: string;
  resources: { name: string; version: string; config: unknown }[];
}

export interface TokenRequest {
  namespace: string;
  serviceAccount: string;
  /** Default 600, at most 86,400. */
  ttlSeconds?: number;
}

export interface TokenResponse {
  token: string;
  expiresAt: string;
  /** The trust domain's roots, PEM, so that the sidecar can verify the control plane at its first call. */
  trustBundle: string;
  /** `host:port` for sidecars. */
  xdsAddress: string;
}

export interface TraceList {
  items: TraceSummary[];
}

export interface TraceSummary {
  traceId: string;
  /** Operation and service of the root span. */
  name: string;
  service: string;
  startTime: string;
  durationMs: number;
  spans: number;
  services: number;
  errors: number;
  status: number;
}

export interface Trace {
  traceId: string;
  startTime: string;
  durationMs: number;
  /** In depth-first order of the tree, children by start time. */
  spans: Span[];
}

export interface Span {
  spanId: string;
  /** Empty for the root. */
  parentSpanId: string;
  depth: number;
  /** `server`, `client` or `internal`. */
  kind: string;
  name: string;
  service: string;
  workload: string;
  /** Milliseconds after the trace's start. */
  startMs: number;
  durationMs: number;
  /** HTTP status, or 0. */
  status: number;
  error: boolean;
  /** SPIFFE id of the other side of the hop; empty without mTLS. */
  peer: string;
  /** Name of the route that matched. */
  route: string;
  /** Tries after the first. */
  retries: number;
  /** Response flags, for example `UH`; empty for none. */
  flags: string;
  /** The proxy's own reason, for example `no-healthy-endpoints`. */
  reason: string;
  attributes: Record<string, string | number | boolean>;
}

export interface ServiceStatsList {
  windowSeconds: number;
  items: ServiceStats[];
}

/** Golden signals of one service over the window, as its callers saw it. */
export interface ServiceStats {
  namespace: string;
  name: string;
  /** Workloads known, and how many of them have a connected sidecar. */
  workloads: number;
  meshed: number;
  requests: number;
  /** Requests a second. */
  rate: number;
  /** 0-1; 1 when there were no requests. */
  successRate: number;
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
}

export interface Graph {
  windowSeconds: number;
  nodes: { id: string; kind: 'service' | 'gateway' | 'external'; namespace: string; name: string }[];
  edges: {
    source: string;
    destination: string;
    rate: number;
    successRate: number;
    p95Ms: number;
    mtls: boolean;
    /** SPIFFE ids seen at both ends; empty without mTLS. */
    sourceId: string;
    destinationId: string;
  }[];
}
