import type { Clock } from '../../lib/clock.ts';
import type { Random } from '../../lib/random.ts';
import type { TimerWheel } from '../../lib/timer-wheel.ts';
import type { ClusterManager } from '../cluster/cluster-manager.ts';
import type { ComposedFilters } from '../compose-filters.ts';
import type { ConnectionEnd } from '../net/chain-match.ts';
import type { Observer } from '../observe/observer.ts';
import type { Direction } from '../observe/stream-info.ts';
import type { OverloadState } from '../overload/overload-state.ts';
import type { CompiledRouteTable } from '../route/compile.ts';
import type { UpgradeRules } from './upgrade-policy.ts';

/** A route table that discovery may exchange at any time. */
export interface RouteSource {
  readonly name: string;
  /** `undefined` until it has arrived. */
  readonly table: CompiledRouteTable | undefined;
}

/** What all streams of one filter chain share. Made when configuration changes; a running stream keeps the one it began with. */
export interface StreamScope {
  readonly listener: string;
  readonly direction: Direction;
  readonly edge: boolean;
  /** Of streams whose route says nothing else, in milliseconds; 0 for none. */
  readonly streamIdleTimeoutMs: number;
  readonly maxStreamDurationMs: number;
  /** Until a request has come whole, in milliseconds; 0 for none. */
  readonly requestTimeoutMs: number;
  readonly filters: ComposedFilters;
  readonly routes: RouteSource;
  /** Protocols that requests may switch to, where their route does not say otherwise. */
  readonly upgrades: UpgradeRules;
  readonly clusters: ClusterManager;
  readonly overload: OverloadState;
  readonly observer: Observer;
  readonly clock: Clock;
  readonly random: Random;
  readonly wheel: TimerWheel;
}

/** The connection that a stream came on. */
export interface DownstreamFacts {
  /** IP address and port of the peer. */
  readonly address: string;
  /** SPIFFE id that it proved; empty without mutual TLS. */
  readonly peer: string;
  readonly tls: boolean;
  /** The two ends as the client sees them: what a PROXY header or a redirection said, where there was one. */
  readonly source?: ConnectionEnd;
  readonly destination?: ConnectionEnd;
  /** Whether a host may be asked for on this connection; absent where any may. */
  readonly servesHost?: (host: string) => boolean;
}
