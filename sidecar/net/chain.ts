import type { Socket } from 'node:net';
import type { DownstreamFacts } from '../stream/stream-scope.ts';
import type { FilterChainConfig } from './listener-config.ts';
import type { ReadSink } from './read-sink.ts';

/** A downstream connection, as the listener that accepted it sees it. */
export interface OpenConnection {
  /** Finishes what runs and takes nothing new. */
  drain(): void;
  destroy(): void;
  /** Closes it when nothing has run on it for `limitMs` of its idle time-out, and tells whether it did. */
  closeIfIdle?(limitMs: (idleTimeoutMs: number) => number): boolean;
  /** Bytes that wait for the peer to take them. */
  readonly bufferedBytes?: number;
}

/** A connection served on the assumption that this is the right chain, before the client has said anything. */
export interface TentativeConnection extends OpenConnection {
  /** It is the right chain. */
  commit(): void;
  /** It is not: nothing was read from or written to the client, and nothing is told of the connection. */
  abandon(): void;
}

/** A filter chain at work: what becomes of the connections that match it. */
export interface Chain {
  readonly config: FilterChainConfig;
  /** Connections it serves. */
  connections: number;
  /**
   * Takes over a socket that is accepted and, where the chain has TLS, verified. The listener watches its `close`.
   * With `sink`, that is where its bytes come.
   */
  serve(socket: Socket, facts: DownstreamFacts, sink?: ReadSink): OpenConnection;
  /**
   * As {@link serve}, but only to get ready. Calls `onUpstreamSpoke` when the other side begins, which it may do
   * before the client says anything. Absent where nothing is gained by it.
   */
  serveTentatively?(
    socket: Socket,
    facts: DownstreamFacts,
    sink: ReadSink,
    onUpstreamSpoke: () => void,
  ): TentativeConnection;
}
