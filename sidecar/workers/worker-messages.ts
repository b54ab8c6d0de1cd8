import type { LogLevel } from '../../lib/log.ts';
import type { EndpointConfig } from '../cluster/cluster-config.ts';
import type { DataPlaneSettings } from '../data-plane.ts';
import type { Sample } from '../observe/metric-family.ts';
import type { ProxyDescription } from '../proxy-description.ts';
import type { Secret } from '../tls/secret.ts';

/** What a worker is told once, at its start. */
export interface WorkerSettings extends DataPlaneSettings {
  /** From 1. */
  readonly worker: number;
  /** How many share what is meant for the proxy as a whole. */
  readonly workers: number;
  readonly accessLogTarget: string | undefined;
  /** For decoding, as in `DecodeContext`. */
  readonly mayReadFiles: boolean;
  readonly hasAds: boolean;
  readonly logLevel: LogLevel;
}

/** A resource as the server sent it. */
export interface RawResource {
  readonly type: 'cluster' | 'route' | 'listener';
  readonly name: string;
  readonly version: string;
  readonly typeUrl: string;
  readonly value: Uint8Array;
}

/** From the supervisor to a worker, in order. Those with an `id` are answered. */
export type ToWorker =
  | { kind: 'start'; id: number; settings: WorkerSettings }
  | { kind: 'identity'; spiffeId: string; trustDomain: string }
  | { kind: 'log-level'; level: LogLevel }
  | { kind: 'secret'; secret: Secret }
  | { kind: 'set'; resource: RawResource }
  | { kind: 'endpoints'; name: string; endpoints: readonly EndpointConfig[] }
  | { kind: 'remove'; type: RawResource['type']; name: string }
  /** `port` takes the place of the resource's own when that one is 0. Answered with the port in use. */
  | { kind: 'listen'; id: number; resource: RawResource; port: number }
  /** Answered when the cluster knows its addresses; see `Proxy.untilResolved`. */
  | { kind: 'resolved'; id: number; name: string }
  | { kind: 'describe'; id: number }
  | { kind: 'metrics'; id: number }
  | { kind: 'drain'; id: number; maxMs: number }
  | { kind: 'close'; id: number };

/** What a worker answers to the message with this `id`. */
export type FromWorker = { id: number; value: WorkerAnswer } | { id: number; failure: string };

export type WorkerAnswer = number | undefined | ProxyDescription | readonly CollectedFamily[];

/** A metric of one process. */
export interface CollectedFamily {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly samples: readonly Sample[];
}
