import type { Socket } from 'node:net';
import type { Chain, OpenConnection, TentativeConnection } from '../net/chain.ts';
import type { FilterChainConfig, TcpChainConfig } from '../net/listener-config.ts';
import type { ReadSink } from '../net/read-sink.ts';
import type { DownstreamFacts } from '../stream/stream-scope.ts';
import { SocketSide } from './socket-side.ts';
import { TcpConnection } from './tcp-connection.ts';
import type { TcpScope } from './tcp-scope.ts';

/** A filter chain that relays bytes. */
export class TcpChain implements Chain {
  config: FilterChainConfig;
  connections = 0;
  readonly #scope: TcpScope;
  #tcp: TcpChainConfig;

  constructor(config: FilterChainConfig, tcp: TcpChainConfig, scope: TcpScope) {
    this.config = config;
    this.#tcp = tcp;
    this.#scope = scope;
  }

  /** For connections from now on. */
  update(config: FilterChainConfig, tcp: TcpChainConfig): void {
    this.config = config;
    this.#tcp = tcp;
  }

  serve(socket: Socket, facts: DownstreamFacts, sink?: ReadSink): OpenConnection {
    const connection = this.#connection(socket, facts, sink);
    connection.start();
    return opened(connection);
  }

  serveTentatively(
    socket: Socket,
    facts: DownstreamFacts,
    sink: ReadSink,
    onUpstreamSpoke: () => void,
  ): TentativeConnection {
    const connection = this.#connection(socket, facts, sink);
    connection.startTentatively(onUpstreamSpoke);
    return { ...opened(connection), commit: () => connection.commit(), abandon: () => connection.abandon() };
  }

  #connection(socket: Socket, facts: DownstreamFacts, sink: ReadSink | undefined): TcpConnection {
    const connection = new TcpConnection(new SocketSide(socket, sink), facts, this.#tcp, this.#scope, {
      onOver: () => {},
    });
    socket.once('close', () => connection.onDownstreamGone());
    return connection;
  }
}

function opened(connection: TcpConnection): OpenConnection {
  return {
    // Nobody knows where a byte stream may be cut: it ends when its peers end it.
    drain: () => {},
    destroy: () => connection.destroy(),
  };
}
