import net, { type Socket, type SocketConstructorOpts } from 'node:net';
import type { Clock } from '../../lib/clock.ts';
import type { Timer, TimerWheel } from '../../lib/timer-wheel.ts';
import type { ProxiedEnds } from '../net/proxy-header.ts';
import type { ReadSink } from '../net/read-sink.ts';
import { lowWatermark } from '../net/transport.ts';
import { writeProxyHeader } from '../net/write-proxy-header.ts';
import type { SecureContexts } from '../tls/secure-contexts.ts';
import { startUpstreamTls, verifyUpstream } from '../tls/upstream-tls.ts';
import type { ClusterConfig, EndpointConfig } from './cluster-config.ts';

/** Why no connection came about. `detail` is for people. */
export interface DialFailure {
  kind: 'connect-refused' | 'connect-timeout' | 'tls-failure';
  detail: string;
}

export interface DialDependencies {
  readonly wheel: TimerWheel;
  readonly clock: Clock;
  readonly contexts: SecureContexts;
  /** An endpoint proved an identity other than the expected one, or none; `reason` names the metric. */
  onPeerRefused(cluster: string, reason: string, detail: string, address: string): void;
}

/** Options of the stream below a socket, which the type of its constructor does not tell of. */
const streamOptions: object = { noDelay: true, highWaterMark: lowWatermark };

/** Receives the outcome of a {@link Dial}; exactly one of the two is called, unless it is cancelled. */
export interface DialReceiver {
  /** `peer` is the SPIFFE id that the endpoint proved, `alpn` the protocol that it chose; empty without TLS. */
  onDialed(socket: Socket, peer: string, alpn: string): void;
  onDialFailed(failure: DialFailure): void;
}

/** One try to connect to an endpoint: TCP, and TLS where the endpoint wants it, within one time-out. */
export class Dial {
  readonly #deps: DialDependencies;
  readonly #cluster: ClusterConfig;
  readonly #receiver: DialReceiver;
  readonly #address: string;
  readonly #alpn: readonly string[];
  readonly #timer: Timer;
  #socket: Socket;
  #done = false;

  /**
   * With `sink`, a socket without TLS delivers its bytes there and not as events. `alpn` is offered in TLS. `ends` are
   * those of the client's connection, for an endpoint that is to be told of them.
   */
  constructor(
    cluster: ClusterConfig,
    endpoint: EndpointConfig,
    deps: DialDependencies,
    receiver: DialReceiver,
    sink?: ReadSink,
    alpn: readonly string[] = [],
    ends?: ProxiedEnds,
  ) {
    this.#deps = deps;
    this.#cluster = cluster;
    this.#receiver = receiver;
    this.#alpn = alpn;
    this.#address = `${endpoint.address}:${endpoint.port}`;
    const { connectTimeoutMs } = cluster;
    this.#timer = deps.wheel.start(connectTimeoutMs, () =>
      this.#fail('connect-timeout', `no connection to ${this.#address} within ${connectTimeoutMs} ms`),
    );
    const options: SocketConstructorOpts = {
      allowHalfOpen: true,
      ...streamOptions,
      // Over TLS it is the upper socket that delivers.
      ...(sink === undefined || endpoint.tls ? {} : { onread: sink.options }),
    };
    const tcp = new net.Socket(options);
    this.#socket = tcp;
    tcp.once('connect', () => {
      if (this.#done) return;
      if (cluster.proxyProtocol !== undefined) tcp.write(writeProxyHeader(cluster.proxyProtocol, ends));
      if (endpoint.tls) this.#startTls(tcp);
      else this.#succeed(tcp, '', '');
    });
    const { tcpKeepalive: keepalive } = cluster;
    if (keepalive !== undefined) tcp.setKeepAlive(true, keepalive.timeMs, keepalive.intervalMs, keepalive.probes);
    // These listeners stay, and do nothing once it is decided.
    tcp.on('error', (error: Error) => this.#fail('connect-refused', describe(error, this.#address)));
    tcp.connect({ host: endpoint.address, port: endpoint.port });
  }

  cancel(): void {
    this.#done = true;
    this.#timer.stop();
    // Only the upper one of two sockets: to destroy TCP below TLS inside a TLS callback crashes Node.
    this.#socket.destroy();
  }

  #startTls(tcp: Socket): void {
    const { tls, name } = this.#cluster;
    const { contexts, clock } = this.#deps;
    if (tls === undefined) {
      this.#fail('tls-failure', `${this.#address} wants TLS but the cluster ${name} has no TLS settings`);
      return;
    }
    const socket = startUpstreamTls(tcp, tls, contexts, this.#alpn);
    if (socket === undefined) {
      this.#fail('tls-failure', `the certificate ${tls.certificateSecret} or its roots are not there yet`);
      return;
    }
    this.#socket = socket;
    socket.on('error', (error: Error) => this.#fail('tls-failure', describe(error, this.#address)));
    socket.once('close', () => this.#fail('tls-failure', `${this.#address} closed the connection in the handshake`));
    socket.once('secureConnect', () => {
      if (this.#done) return;
      const peer = verifyUpstream(socket, tls, contexts, clock.wallTime());
      if (peer.ok) {
        this.#succeed(socket, peer.id, socket.alpnProtocol || '');
        return;
      }
      this.#deps.onPeerRefused(this.#cluster.name, peer.reason, peer.detail, this.#address);
      this.#fail('tls-failure', `${this.#address} was not accepted (${peer.reason}): ${peer.detail}`);
    });
  }

  #succeed(socket: Socket, peer: string, alpn: string): void {
    this.#done = true;
    this.#timer.stop();
    this.#receiver.onDialed(socket, peer, alpn);
  }

  #fail(kind: DialFailure['kind'], detail: string): void {
    if (this.#done) return;
    this.cancel();
    this.#receiver.onDialFailed({ kind, detail });
  }
}

function describe(error: Error, address: string): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ECONNREFUSED') return `nothing listens on ${address}`;
  return `${address}: ${error.message}`;
}
