import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { DownstreamFacts, StreamScope } from '../stream/stream-scope.ts';
import type { Chain, OpenConnection } from './chain.ts';
import { HttpConnection, type HttpService } from './http-connection.ts';
import type { FilterChainConfig, HttpChainConfig } from './listener-config.ts';
import type { ReadSink } from './read-sink.ts';
import { SocketTransport } from './transport.ts';
import type { WriteTurn } from './write-turn.ts';

/** A filter chain that speaks HTTP. */
export class HttpChain implements Chain, HttpService {
  config: FilterChainConfig;
  connections = 0;
  http: HttpChainConfig;
  scope: StreamScope;
  readonly serverName: string | undefined;
  readonly openTunnel: HttpService['openTunnel'];
  readonly turn: WriteTurn;

  constructor(
    config: FilterChainConfig,
    http: HttpChainConfig,
    scope: StreamScope,
    turn: WriteTurn,
    options: Pick<HttpService, 'serverName' | 'openTunnel'>,
  ) {
    this.config = config;
    this.scope = scope;
    this.serverName = options.serverName;
    this.openTunnel = options.openTunnel;
    this.turn = turn;
    this.http = http;
  }

  /** The next request of every connection is served by this; running ones finish as they began. */
  update(config: FilterChainConfig, http: HttpChainConfig, scope: StreamScope): void {
    this.config = config;
    this.http = http;
    this.scope = scope;
  }

  serve(socket: Socket, facts: DownstreamFacts, sink?: ReadSink): OpenConnection {
    const { wheel } = this.scope;
    const transport = new SocketTransport(socket, this.turn, wheel);
    const alpn = socket instanceof TLSSocket ? socket.alpnProtocol || '' : '';
    const connection = new HttpConnection(transport, this, facts, protocolOf(this.http.codec, alpn));
    transport.start(connection, sink);
    return connection;
  }
}

/** What is spoken on a connection; `undefined` when its first bytes must tell. */
function protocolOf(codec: HttpChainConfig['codec'], alpn: string): 'http1' | 'http2' | undefined {
  if (codec === 'http1' || codec === 'http2') return codec;
  if (alpn === 'h2') return 'http2';
  return alpn === 'http/1.1' ? 'http1' : undefined;
}
