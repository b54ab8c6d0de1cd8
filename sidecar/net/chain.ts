import type { Socket } from 'node:net';
import type { DownstreamFacts } from '../stream/stream-scope.ts';
import type { FilterChainConfig } from './listener-config.ts';
import type { ReadSink } from './read-sink.ts';

/** A downstream connection, as the listener that accepted it sees it. */
export interface OpenConnection {
  /** Finishes what runs and takes nothing new. */
  drain(): void;
  destroy(): void;
}

/** A filter chain at work: what becomes of the connections that match it. */
export interface Chain {
  readonly config: FilterChainConfig;
  /**
   * Takes over a socket that is accepted and, where the chain has TLS, verified. The listener watches its `close`.
   * With `sink`, that is where its bytes come.
   */
  serve(socket: Socket, facts: DownstreamFacts, sink?: ReadSink): OpenConnection;
}

/**
 * The first chain that fits the connection. `serverName` is the SNI of a TLS connection; `undefined` stands for one
 * that sent none.
 */
export function selectChain(
  chains: readonly Chain[],
  transport: 'tls' | 'raw_buffer',
  serverName: string | undefined,
): Chain | undefined {
  return chains.find(({ config }) => {
    if (config.transport !== 'any' && config.transport !== transport) return false;
    if ((config.tls !== undefined) !== (transport === 'tls')) return false;
    return config.serverNames.length === 0 || config.serverNames.some((name) => matchesServerName(name, serverName));
  });
}

function matchesServerName(pattern: string, serverName: string | undefined): boolean {
  if (serverName === undefined) return false;
  if (!pattern.startsWith('*.')) return pattern === serverName;
  return serverName.endsWith(pattern.slice(1)) && serverName.length > pattern.length - 1;
}
