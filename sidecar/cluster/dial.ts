import net, { type Socket } from 'node:net';
import type { Clock } from '../../lib/clock.ts';
import type { Timer, TimerWheel } from '../../lib/timer-wheel.ts';
import { lowWatermark } from '../net/transport.ts';
import type { SecureContexts } from '../tls/secure-contexts.ts';
import { startUpstreamTls, verifyUpstream } from '../tls/upstream-tls.ts';
import type { ClusterConfig, EndpointConfig, UpstreamTlsConfig } from './cluster-config.ts';

/** Why no connection came about. `detail` is for people. */
export interface DialFailure {
  kind: 'connect-refused' | 'connect-timeout' | 'tls-failure';
  detail: string;
}

export interface DialDependencies {
  readonly wheel: TimerWheel;
  readonly clock: Clock;
  readonly contexts: SecureContexts;
}

/** Options of the stream below a socket, which the type of its constructor does not tell of. */
const streamOptions: object = { noDelay: true, highWaterMark: lowWatermark };

/** Receives the outcome of a {@link Dial}; exactly one of the two is called, unless it is cancelled. */
export interface DialReceiver {
  /** `peer` is the SPIFFE id that the endpoint proved; empty without TLS. */
  onDialed(socket: Socket, peer: string): void;
  onDialFailed(failure: DialFailure): void;
}

/** One try to connect to an endpoint: TCP, and TLS where the endpoint wants it, within one time-out. */
export class Dial {
  readonly #deps: DialDependencies;
  readonly #cluster: ClusterConfig;
  readonly #endpoint: EndpointConfig;
  readonly #receiver: DialReceiver;
  readonly #address: string;
  readonly #tcp: Socket;
  readonly #timer: Timer;
  #socket: Socket;
  #done = false;

  constructor(cluster: ClusterConfig, endpoint: EndpointConfig, deps: DialDependencies, receiver: DialReceiver) {
    this.#deps = deps;
    this.#cluster = cluster;
    this.#endpoint = endpoint;
    this.#receiver = receiver;
    this.#address = `${endpoint.address}:${endpoint.port}`;
    this.#tcp = new net.Socket({ allowHalfOpen: true, ...streamOptions });
    this.#tcp.connect({ host: endpoint.address, port: endpoint.port });
    this.#socket = this.#tcp;
    const { connectTimeoutMs } = cluster;
    this.#timer = deps.wheel.start(connectTimeoutMs, () =>
      this.#fail('connect-timeout', `no connection to ${this.#address} within ${connectTimeoutMs} ms`),
    );
    this.#tcp.once('connect', () => this.#connected());
    this.#tcp.once('error', (error: Error) => this.#fail('connect-refused', describe(error, this.#address)));
  }

  cancel(): void {
    this.#done = true;
    this.#timer.stop();
    this.#tcp.on('error', () => {});
    this.#socket.on('error', () => {});
    // Only the upper one of the two: to destroy TCP below TLS inside a TLS callback crashes Node.
    this.#socket.destroy();
  }

  #connected(): void {
    if (this.#done) return;
    const { tls, name } = this.#cluster;
    if (!this.#endpoint.tls) this.#succeed('');
    else if (tls !== undefined) this.#startTls(tls);
    else this.#fail('tls-failure', `${this.#address} wants TLS but the cluster ${name} has no TLS settings`);
  }

  #startTls(config: UpstreamTlsConfig): void {
    const socket = startUpstreamTls(this.#tcp, config, this.#deps.contexts);
    if (socket === undefined) {
      this.#fail('tls-failure', `the certificate ${config.certificateSecret} or its roots are not there yet`);
      return;
    }
    this.#socket = socket;
    socket.once('error', (error: Error) => this.#fail('tls-failure', describe(error, this.#address)));
    socket.once('close', () => this.#fail('tls-failure', `${this.#address} closed the connection in the handshake`));
    socket.once('secureConnect', () => {
      if (this.#done) return;
      const peer = verifyUpstream(socket, config, this.#deps.contexts, this.#deps.clock.wallTime());
      if (peer.ok) this.#succeed(peer.id);
      else this.#fail('tls-failure', `${this.#address} was not accepted (${peer.reason}): ${peer.detail}`);
    });
  }

  #succeed(peer: string): void {
    this.#done = true;
    this.#timer.stop();
    const socket = this.#socket;
    for (const event of ['connect', 'error', 'close', 'secureConnect']) socket.removeAllListeners(event);
    // Until its new owner listens; it does so at once.
    socket.on('error', () => {});
    this.#receiver.onDialed(socket, peer);
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
