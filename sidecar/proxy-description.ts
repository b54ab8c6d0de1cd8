import type { BreakerRoom, RoutingPriority } from './cluster/priority-load.ts';
import type { Direction } from './observe/stream-info.ts';

/** What a proxy serves now, for the admin port's `/listeners` and `/clusters`. */
export interface ProxyDescription {
  readonly listeners: readonly ListenerDescription[];
  readonly clusters: readonly ClusterDescription[];
  /** Names of the route tables that have arrived. */
  readonly routeTables: readonly string[];
}

export interface ListenerDescription {
  readonly name: string;
  readonly direction: Direction;
  readonly address: string;
  /** The port in use. */
  readonly port: number;
  readonly chains: readonly { name: string; kind: 'http' | 'tcp'; tls: boolean; serverNames: readonly string[] }[];
  /** Open connections. */
  readonly connections: number;
}

export interface ClusterDescription {
  readonly name: string;
  readonly service: string;
  readonly servicePort: number;
  /** Where its endpoints come from: `static`, `eds`. */
  readonly discovery: string;
  readonly protocol: 'http1' | 'http2' | 'auto' | 'downstream' | 'tcp';
  readonly activeRequests: number;
  readonly pendingRequests: number;
  readonly connections: number;
  /** What the circuit breakers leave, by routing priority. */
  readonly room: Readonly<Record<RoutingPriority, BreakerRoom>>;
  /** Requests that went to any endpoint, or failed, because too few were available. */
  readonly panicPicks: number;
  readonly endpoints: readonly EndpointDescription[];
}

export interface EndpointDescription {
  readonly address: string;
  readonly port: number;
  readonly workload: string;
  readonly weight: number;
  readonly tls: boolean;
  /** By discovery. */
  readonly healthy: boolean;
  /** Taken out after failures. */
  readonly ejected: boolean;
  /** By active health checks: it failed, or it asks for less. */
  readonly checkFailed: boolean;
  readonly degraded: boolean;
  /** It asked to be left alone for now. */
  readonly avoided: boolean;
  /** All of these together: it may be given requests. */
  readonly available: boolean;
  /** What discovery says of its health, in Envoy's words. */
  readonly edsHealth: 'HEALTHY' | 'UNHEALTHY' | 'DEGRADED' | 'DRAINING' | 'TIMEOUT';
  readonly region: string;
  readonly zone: string;
  readonly subZone: string;
  readonly priority: number;
  readonly hostname: string;
  /** Percent of answers without failure in the last interval of outlier detection; -1 where nothing was compared. */
  readonly successRate: number;
  readonly activeRequests: number;
  readonly connections: number;
  /** How many of them speak HTTP/2. */
  readonly http2Connections: number;
  /** Since the endpoint is known. */
  readonly requests: number;
  readonly failures: number;
}
