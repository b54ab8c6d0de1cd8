import type { Socket } from 'node:net';
import type { ClusterConfig, EndpointConfig } from '../cluster-config.ts';
import { Dial, type DialDependencies } from '../dial.ts';
import type { TcpProbeConfig } from './health-check-config.ts';
import { containsInOrder, type Probe, type ProbeResult } from './probe.ts';

const maxReceived = 65_536;

/** Connects, and where asked to, sends something and waits for what must come. */
export class TcpProbe implements Probe {
  readonly #config: TcpProbeConfig;
  readonly #cluster: ClusterConfig;
  readonly #endpoint: () => EndpointConfig;
  readonly #deps: DialDependencies;
  #dial: Dial | undefined;
  #socket: Socket | undefined;
  #onResult: ((result: ProbeResult) => void) | undefined;

  constructor(config: TcpProbeConfig, cluster: ClusterConfig, endpoint: () => EndpointConfig, deps: DialDependencies) {
    this.#config = config;
    this.#cluster = cluster;
    this.#endpoint = endpoint;
    this.#deps = deps;
  }

  run(onResult: (result: ProbeResult) => void): void {
    this.#onResult = onResult;
    this.#dial = new Dial(this.#cluster, this.#endpoint(), this.#deps, {
      onDialed: (socket) => this.#onDialed(socket),
      onDialFailed: ({ kind, detail }) => this.#finish({ outcome: 'failed', reason: kind, detail }),
    });
  }

  cancel(): void {
    this.#onResult = undefined;
    this.#release();
  }

  close(): void {
    this.cancel();
  }

  #onDialed(socket: Socket): void {
    this.#dial = undefined;
    this.#socket = socket;
    const { send, receive } = this.#config;
    if (receive.length === 0) {
      if (send.length > 0) socket.write(send);
      this.#finish({ outcome: 'healthy', reason: 'connected', detail: '' });
      return;
    }
    let received = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (containsInOrder(received, receive))
        this.#finish({ outcome: 'healthy', reason: 'expected-bytes', detail: '' });
      else if (received.length > maxReceived)
        this.#fail('unexpected-bytes', 'what must come is not in the first 64 KiB');
    });
    socket.on('error', (error) => this.#fail('connection-broken', error.message));
    socket.on('close', () => this.#fail('connection-closed', 'it was closed before what must come came'));
    socket.on('end', () => this.#fail('connection-closed', 'it was closed before what must come came'));
    socket.write(send);
  }

  #fail(reason: string, detail: string): void {
    this.#finish({ outcome: 'failed', reason, detail });
  }

  #finish(result: ProbeResult): void {
    const onResult = this.#onResult;
    this.#onResult = undefined;
    this.#release();
    onResult?.(result);
  }

  #release(): void {
    this.#dial?.cancel();
    this.#dial = undefined;
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket === undefined) return;
    socket.on('error', () => {});
    // What was sent goes out first.
    socket.end(() => socket.destroy());
  }
}
