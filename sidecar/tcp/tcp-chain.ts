import type { Socket } from 'node:net';
import type { Chain, OpenConnection } from '../net/chain.ts';
import type { FilterChainConfig, TcpChainConfig } from '../net/listener-config.ts';
import type { DownstreamFacts } from '../stream/stream-scope.ts';
import { SocketSide } from './socket-side.ts';
import { TcpConnection } from './tcp-connection.ts';
import type { TcpScope } from './tcp-scope.ts';

/** A filter chain that relays bytes. */
export class TcpChain implements Chain {
  config: FilterChainConfig;
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

  serve(socket: Socket, facts: DownstreamFacts): OpenConnection {
    const connection = new TcpConnection(new SocketSide(socket), facts, this.#tcp, this.#scope, { onOver: () => {} });
    socket.once('close', () => connection.onDownstreamGone());
    connection.start();
    return {
      // Nobody knows where a byte stream may be cut: it ends when its peers end it.
      drain: () => {},
      destroy: () => connection.destroy(),
    };
  }
}
