import type { LogLevel } from '../../lib/log.ts';

/** What the admin port shows and may ask for; the composition of the sidecar provides it. */
export interface AdminSource {
  /** Everything in force, as JSON. Secrets are taken out by the admin port once more. */
  configDump(): unknown;
  /** Brings what the others answer up to date, where it comes from elsewhere. */
  refresh?(): Promise<void>;
  clusters(): readonly AdminCluster[];
  listeners(): readonly AdminListener[];
  certificates(): readonly AdminCertificate[];
  ready(): { state: 'LIVE' | 'DRAINING' | 'INITIALIZING'; detail: string };
  /** More for `/server_info`, for example `version` and `node`. */
  serverInfo(): Readonly<Record<string, unknown>>;
  setLogLevel(level: LogLevel): void;
  /** Stops accepting; what runs is finished. */
  drain(): void;
  /** Ends the process in order. */
  quit(): void;
}

export interface AdminCluster {
  name: string;
  /** `<name>.<namespace>` and port, or empty. */
  service: string;
  /** `static` or `eds`. */
  discovery: string;
  /** Whether it has its endpoints and may be used. */
  warm: boolean;
  endpoints: readonly AdminEndpoint[];
  /** Further numbers to show, for example thresholds: `{ 'default_priority::max_connections': 1024 }`. */
  values?: Readonly<Record<string, number | string>>;
}

export interface AdminEndpoint {
  address: string;
  port: number;
  weight: number;
  /** As discovery says, in Envoy's words. */
  edsHealth: 'HEALTHY' | 'UNHEALTHY' | 'DEGRADED' | 'DRAINING' | 'TIMEOUT';
  /** Taken out by outlier detection. */
  ejected: boolean;
  /** By active health checks: it failed, or it asks for less. */
  checkFailed: boolean;
  degraded: boolean;
  /** It asked to be left alone for now (`Retry-After`). */
  avoided: boolean;
  region: string;
  zone: string;
  subZone: string;
  priority: number;
  hostname: string;
  /** Percent; -1 where nothing was compared. */
  successRate: number;
  workload: string;
  tls: boolean;
  activeRequests: number;
  /** Further numbers, for example `cx_active`. */
  values?: Readonly<Record<string, number>>;
}

export interface AdminListener {
  name: string;
  address: string;
  port: number;
}

export interface AdminCertificate {
  /** Secret it came with, for example `default`. */
  name: string;
  kind: 'root' | 'chain';
  serialNumber: string;
  /** URIs and DNS names. */
  subjectAltNames: readonly string[];
  /** Milliseconds since the Unix epoch. */
  validFrom: number;
  expires: number;
}
