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
  readonly activeRequests: number;
  readonly connections: number;
  /** Since the endpoint is known. */
  readonly requests: number;
  readonly failures: number;
}
