/** When which action is taken (`envoy.config.overload.v3.OverloadManager`). */
export interface OverloadConfig {
  /** How often pressures are read, in milliseconds. */
  refreshMs: number;
  monitors: readonly ResourceMonitorConfig[];
  actions: readonly OverloadActionConfig[];
  /** Connections of clients to all listeners. Absent: 40 % of the file descriptors that the process may have. */
  maxConnections?: number;
}

/** A pressure is 1 where the limit is reached. */
export type ResourceMonitorConfig =
  /** Resident memory, in shares of `maxBytes`. */
  | { kind: 'fixed-heap'; name: string; maxBytes: number }
  /** A number that somebody writes into a file. */
  | { kind: 'injected'; name: string; file: string }
  /** Resident memory in shares of the cgroup's limit, or the heap in shares of V8's, whichever is more. */
  | { kind: 'memory'; name: string }
  /** How late the event loop is, in shares of `maxMs`; the least of the last `forMs`. */
  | { kind: 'loop-lag'; name: string; maxMs: number; forMs: number };

/** Names of Envoy's actions (`envoy.overload_actions.…`). */
export type OverloadActionKind =
  | 'reduce_timeouts'
  | 'disable_http_keepalive'
  | 'stop_accepting_requests'
  | 'stop_accepting_connections'
  | 'reject_incoming_connections'
  | 'reset_high_memory_stream'
  /** Nothing is done: V8 gives memory back by itself. */
  | 'shrink_heap';

export interface OverloadActionConfig {
  kind: OverloadActionKind;
  /** The strongest counts. */
  triggers: readonly OverloadTrigger[];
  /** For `reduce_timeouts`: what is left of the idle time of client connections at full strength. */
  minIdle?: { ms: number } | { share: number };
}

/** Strength of an action by the pressure of a resource: 0 or 1, or growing between two pressures. */
export type OverloadTrigger =
  | { kind: 'threshold'; resource: string; value: number }
  | { kind: 'scaled'; resource: string; from: number; full: number };

const memory = (value: number): OverloadTrigger => ({ kind: 'threshold', resource: 'memory', value });

/**
 * What holds without a configuration (security.md L-74, L-75): idle times shrink from 75 % of the memory, connections
 * are not kept from 85 %, requests are shed around 92 %, lowest class first, and at 95 % connections are refused and
 * the biggest streams reset. An event loop that stays later than 200 ms for a second sheds requests, too.
 */
export const defaultOverload: OverloadConfig = {
  refreshMs: 250,
  monitors: [
    { kind: 'memory', name: 'memory' },
    { kind: 'loop-lag', name: 'loop-lag', maxMs: 200, forMs: 1_000 },
  ],
  actions: [
    {
      kind: 'reduce_timeouts',
      triggers: [{ kind: 'scaled', resource: 'memory', from: 0.75, full: 0.92 }],
      minIdle: { ms: 1_000 },
    },
    { kind: 'disable_http_keepalive', triggers: [memory(0.85)] },
    {
      kind: 'stop_accepting_requests',
      triggers: [
        { kind: 'scaled', resource: 'memory', from: 0.89, full: 0.94 },
        { kind: 'scaled', resource: 'loop-lag', from: 0.55, full: 1.3 },
      ],
    },
    { kind: 'stop_accepting_connections', triggers: [memory(0.95)] },
    { kind: 'reset_high_memory_stream', triggers: [memory(0.95)] },
  ],
};
