import {
  type ChannelCredentials,
  type ChannelOptions,
  Client,
  type ClientUnaryCall,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { Backoff } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Random } from '../../lib/random.ts';
import type { Timer, TimerWheel } from '../../lib/timer-wheel.ts';
import type { Node } from '../../proto/gen/envoy/config/core/v3/base.ts';
import { AggregatedDiscoveryServiceClient } from '../../proto/gen/envoy/service/discovery/v3/ads.ts';
import { RegistrationServiceClient } from '../../proto/gen/heddle/registration/v1/registration.ts';
import { DeltaStream } from './delta-stream.ts';
import type { Discovery } from './discovery.ts';
import type { ResourceStream, ResourceStreamOptions } from './resource-stream.ts';
import { SotwStream } from './sotw-stream.ts';
import type { ResourceType } from './type-urls.ts';

export interface AdsClientOptions {
  /** `host:port`. */
  address: string;
  node: Node;
  discovery: Discovery;
  /** Asked for at each connection, so that they are those of the day. */
  credentials(): ChannelCredentials;
  channelOptions: ChannelOptions;
  /** Which of the two forms of the protocol is spoken. Default `delta`. */
  form?: 'delta' | 'sotw';
  /** Types whose resources are all asked for. Default clusters and listeners. */
  wildcardTypes?: readonly ResourceType[];
  /** Sent with the call. */
  metadata?: Metadata;
  /** Done on each new connection before the stream is opened; a rejection ends the connection. */
  register?: (client: RegistrationServiceClient) => Promise<void>;
  clock: Clock;
  wheel: TimerWheel;
  random: Random;
  log: Log;
  /** Called when the stream brought its first response, and when it is lost or could not be had. */
  onConnected?: () => void;
  onDisconnected?: (reason: string) => void;
  /** Called after each response was handled. */
  onUpdate?: () => void;
}

/** Back-off between connections, in milliseconds (security.md L-92). */
const backoffBaseMs = 500;
const backoffMaxMs = 30_000;
/** A stream that lived so long was stable, and the back-off starts anew. */
const stableMs = 60_000;
/** After a stream that worked, the first attempt comes within this time: the control plane may just have restarted. */
const quickReconnectMs = 1_000;

/**
 * Keeps one ADS stream to the control plane: connects, registers, subscribes, and does so again, with full jitter,
 * when it is lost. What was received stays in force meanwhile.
 */
export class AdsClient {
  readonly #options: AdsClientOptions;
  readonly #backoff: Backoff;
  readonly #timer: Timer;
  #connection: Connection | undefined;
  #closed = false;

  constructor(options: AdsClientOptions) {
    this.#options = options;
    this.#backoff = new Backoff(backoffBaseMs, backoffMaxMs, options.random);
    this.#timer = options.wheel.timer(() => this.#connect());
  }

  start(): void {
    this.#connect();
  }

  get connected(): boolean {
    return this.#connection?.established ?? false;
  }

  /** Connects anew at once when no answer has come yet, so that the server learns what is held by now. */
  restart(): void {
    if (this.#closed || this.#connection === undefined || this.#connection.established) return;
    this.#connection.close();
    this.#connect();
  }

  /** Takes no more updates and makes no more connections; the channel stays for other services. */
  freeze(): void {
    this.#closed = true;
    this.#timer.stop();
    this.#connection?.stream?.end();
  }

  /** A client for other services on the present connection, if there is one. */
  registrationClient(): RegistrationServiceClient | undefined {
    return this.#connection?.registration;
  }

  close(): void {
    this.#closed = true;
    this.#timer.stop();
    this.#connection?.close();
    this.#connection = undefined;
  }

  #connect(): void {
    const startedAt = this.#options.clock.now();
    const connection = new Connection(this.#options);
    this.#connection = connection;
    connection.run().then(
      (reason) => this.#lost(connection, reason, startedAt),
      (error: unknown) => this.#lost(connection, describe(error), startedAt),
    );
  }

  #lost(connection: Connection, reason: string, startedAt: number): void {
    if (this.#closed || connection !== this.#connection) return;
    connection.close();
    this.#connection = undefined;
    const { clock, log, random, onDisconnected } = this.#options;
    if (clock.now() - startedAt >= stableMs) this.#backoff.reset();
    const next = this.#backoff.next();
    const retryMs = connection.established ? Math.max(1, Math.round(random() * quickReconnectMs)) : next;
    log.warn('no connection to the control plane', { reason, retryMs });
    this.#timer.start(retryMs);
    onDisconnected?.(reason);
  }
}

/** One channel with its stream. */
class Connection {
  readonly #options: AdsClientOptions;
  readonly #channel: Client;
  readonly #credentials: ChannelCredentials;
  readonly registration: RegistrationServiceClient;
  stream: ResourceStream | undefined;
  /** Whether the server answered. */
  established = false;
  #call: ClientUnaryCall | undefined;

  constructor(options: AdsClientOptions) {
    this.#options = options;
    this.#credentials = options.credentials();
    this.#channel = new Client(options.address, this.#credentials, options.channelOptions);
    const shared = { channelOverride: this.#channel.getChannel() };
    this.registration = new RegistrationServiceClient(options.address, this.#credentials, shared);
  }

  /** Runs until the stream ends, and answers why. */
  async run(): Promise<string> {
    const { register, discovery, node, wildcardTypes = ['cluster', 'listener'] } = this.#options;
    await register?.(this.registration);
    const { call, stream } = this.#openStream({
      node,
      held: discovery.held,
      wildcardTypes,
      accept: async (update) => {
        if (!this.established) {
          this.established = true;
          this.#options.onConnected?.();
        }
        const problems = await discovery.accept(update);
        this.#options.onUpdate?.();
        return problems;
      },
      wantedNames: (type) => discovery.wantedNames(type),
    });
    this.#call = call;
    this.stream = stream;
    const ended = new Promise<string>((resolve) => {
      call.on('error', (error: ServiceError) => resolve(describe(error)));
      call.on('end', () => resolve('the control plane ended the stream'));
    });
    stream.start();
    return ended;
  }

  #openStream(options: ResourceStreamOptions): {
    call: ClientUnaryCall;
    stream: ResourceStream;
  } {
    const { address, form = 'delta', metadata = new Metadata() } = this.#options;
    const channelOverride = this.#channel.getChannel();
    const ads = new AggregatedDiscoveryServiceClient(address, this.#credentials, { channelOverride });
    if (form === 'delta') {
      const call = ads.deltaAggregatedResources(metadata);
      return { call, stream: new DeltaStream(call, options) };
    }
    const call = ads.streamAggregatedResources(metadata);
    return { call, stream: new SotwStream(call, options) };
  }

  close(): void {
    this.stream?.end();
    this.#call?.cancel();
    this.#channel.close();
  }
}

function describe(error: unknown): string {
  const { code, details } = error as Partial<ServiceError>;
  return code === undefined ? String(error) : `${status[code]}: ${details ?? ''}`;
}
