import { ChannelCredentials, type ClientDuplexStream, type ServiceError } from '@grpc/grpc-js';
import { AggregatedDiscoveryServiceClient } from '../../proto/gen/envoy/service/discovery/v3/ads.ts';
import {
  DeltaDiscoveryRequest,
  type DeltaDiscoveryResponse,
  DiscoveryRequest,
  type DiscoveryResponse,
} from '../../proto/gen/envoy/service/discovery/v3/discovery.ts';
import type { Any } from '../../proto/gen/google/protobuf/any.ts';
import { wholeSetTypes } from './order.ts';
import type { TypeUrl } from './resource.ts';

/** A response of either form, as the test client sees it. */
export interface TestResponse {
  readonly typeUrl: TypeUrl;
  readonly nonce: string;
  readonly version: string;
  /** Names of the resources in it, in order. */
  readonly names: readonly string[];
  readonly removed: readonly string[];
}

type SotwCall = ClientDuplexStream<DiscoveryRequest, DiscoveryResponse>;
type DeltaCall = ClientDuplexStream<DeltaDiscoveryRequest, DeltaDiscoveryResponse>;
type Names = readonly string[];
type Answer = 'ack' | { refuse: string };

export interface TestClientOptions {
  readonly form: 'sotw' | 'delta';
  readonly port: number;
  readonly credentials?: ChannelCredentials;
  readonly node?: { id: string; metadata?: Record<string, unknown>; userAgentName?: string };
  /** Finds a resource's name in its `Any`; state-of-the-world responses have no names of their own. */
  readonly nameOf: (resource: Any) => string;
}

/**
 * An ADS client for tests that asserts the protocol at every response: a type that was asked for, a fresh nonce, and
 * no second response of a type before the first was answered. It answers by itself with ACK; `refuseNext` and `hold`
 * change that. Speaks both forms behind the same calls.
 */
export class AdsTestClient {
  readonly #options: TestClientOptions;
  readonly #client: AggregatedDiscoveryServiceClient;
  #call: SotwCall | undefined;
  #delta: DeltaCall | undefined;
  readonly #wanted = new Map<TypeUrl, Set<string>>();
  readonly #unanswered = new Map<TypeUrl, TestResponse>();
  readonly #nonces = new Set<string>();
  readonly #answers = new Map<TypeUrl, Answer[]>();
  readonly #held = new Set<TypeUrl>();
  readonly #waiters: { test: () => boolean; done: () => void }[] = [];
  /** By type the resources that the client has, with their bytes. */
  readonly resources = new Map<TypeUrl, Map<string, Any>>();
  readonly versions = new Map<TypeUrl, Map<string, string>>();
  /** Every response in the order of arrival. */
  readonly responses: TestResponse[] = [];
  /** Violations of the protocol by the server; a test expects none. */
  readonly faults: string[] = [];
  /** How the stream ended. */
  status: { code: number; details: string } | undefined;
  /** Requests written so far. */
  sent = 0;
  #firstSent = false;

  constructor(options: TestClientOptions) {
    this.#options = options;
    this.#client = new AggregatedDiscoveryServiceClient(
      `127.0.0.1:${options.port}`,
      options.credentials ?? ChannelCredentials.createInsecure(),
    );
    this.open();
  }

  /** Opens a stream; a client opens one by itself. What it has from an earlier stream stays. */
  open(): void {
    this.#firstSent = false;
    this.#wanted.clear();
    this.#unanswered.clear();
    this.#nonces.clear();
    this.status = undefined;
    if (this.#options.form === 'sotw') {
      this.#call = this.#client.streamAggregatedResources();
      this.#call.on('data', (response: DiscoveryResponse) => this.#onSotw(response));
      this.#listen(this.#call);
    } else {
      this.#delta = this.#client.deltaAggregatedResources();
      this.#delta.on('data', (response: DeltaDiscoveryResponse) => this.#onDelta(response));
      this.#listen(this.#delta);
    }
  }

  /** Asks for names, or with an empty list for everything of a type. Names add up. */
  subscribe(typeUrl: TypeUrl, names: Names = []): void {
    const first = !this.#wanted.has(typeUrl);
    const wanted = this.#wanted.get(typeUrl) ?? new Set();
    this.#wanted.set(typeUrl, wanted);
    for (const name of names) wanted.add(name);
    if (this.#delta !== undefined) {
      const initial = first ? Object.fromEntries(this.versions.get(typeUrl) ?? []) : {};
      this.#sendDelta({ typeUrl, resourceNamesSubscribe: [...names], initialResourceVersions: initial });
    } else {
      this.#sendSotw(typeUrl, first ? (this.versions.get(typeUrl)?.get('*') ?? '') : undefined);
    }
  }

  unsubscribe(typeUrl: TypeUrl, names: Names): void {
    const wanted = this.#wanted.get(typeUrl);
    for (const name of names) {
      wanted?.delete(name);
      this.resources.get(typeUrl)?.delete(name);
    }
    if (this.#delta !== undefined) this.#sendDelta({ typeUrl, resourceNamesUnsubscribe: [...names] });
    else this.#sendSotw(typeUrl);
  }

  /** The next response of the type is refused with these words, and not taken. */
  refuseNext(typeUrl: TypeUrl, error: string): void {
    this.#answers.set(typeUrl, [...(this.#answers.get(typeUrl) ?? []), { refuse: error }]);
  }

  /** Responses of the type stay unanswered until {@link release}. */
  hold(typeUrl: TypeUrl): void {
    this.#held.add(typeUrl);
  }

  release(typeUrl: TypeUrl): void {
    this.#held.delete(typeUrl);
    const response = this.#unanswered.get(typeUrl);
    if (response !== undefined) this.#answer(response);
  }

  /** Sends a request whose nonce is made up. */
  sendNonce(typeUrl: TypeUrl, nonce: string): void {
    if (this.#delta !== undefined)
      this.#writeDelta(DeltaDiscoveryRequest.fromPartial({ typeUrl, responseNonce: nonce }));
    else this.#writeSotw(DiscoveryRequest.fromPartial({ typeUrl, responseNonce: nonce, resourceNames: ['made-up'] }));
  }

  /** Waits until `test` holds. */
  until(test: () => boolean): Promise<void> {
    if (test()) return Promise.resolve();
    return new Promise((done) => this.#waiters.push({ test, done }));
  }

  names(typeUrl: TypeUrl): string[] {
    return [...(this.resources.get(typeUrl)?.keys() ?? [])].sort();
  }

  close(): void {
    this.#call?.cancel();
    this.#delta?.cancel();
    this.#client.close();
  }

  /** Ends the stream but keeps the connection. */
  endStream(): Promise<void> {
    this.#call?.end();
    this.#delta?.end();
    return this.until(() => this.status !== undefined);
  }

  #listen(call: SotwCall | DeltaCall): void {
    call.on('error', (error: ServiceError) => {
      this.status = { code: error.code, details: error.details };
      this.#wake();
    });
    call.on('end', () => {
      this.status ??= { code: 0, details: 'OK' };
      this.#wake();
    });
  }

  #onSotw(response: DiscoveryResponse): void {
    const named = response.resources.map((resource) => [this.#options.nameOf(resource), resource] as const);
    const typeUrl = response.typeUrl as TypeUrl;
    const before = [...(this.resources.get(typeUrl)?.keys() ?? [])];
    const names = named.map(([name]) => name);
    const removed = wholeSetTypes.has(typeUrl) ? before.filter((name) => !names.includes(name)) : [];
    this.#take({ typeUrl, nonce: response.nonce, version: response.versionInfo, names, removed }, named, [
      ['*', response.versionInfo],
    ]);
  }

  #onDelta(response: DeltaDiscoveryResponse): void {
    const named = response.resources.flatMap(({ name, resource }) =>
      resource === undefined ? [] : [[name, resource] as const],
    );
    const { nonce, systemVersionInfo: version, removedResources: removed } = response;
    const typeUrl = response.typeUrl as TypeUrl;
    this.#take(
      { typeUrl, nonce, version, names: named.map(([name]) => name), removed },
      named,
      response.resources.map((resource) => [resource.name, resource.version]),
    );
  }

  #take(
    response: TestResponse,
    named: readonly (readonly [string, Any])[],
    versions: readonly (readonly [string, string])[],
  ): void {
    const { typeUrl, nonce } = response;
    this.responses.push(response);
    if (!this.#wanted.has(typeUrl)) this.faults.push(`response of ${typeUrl}, which nobody asked for`);
    if (nonce === '' || this.#nonces.has(nonce)) this.faults.push(`nonce "${nonce}" is empty or was there before`);
    this.#nonces.add(nonce);
    if (this.#unanswered.has(typeUrl)) this.faults.push(`second response of ${typeUrl} before the first was answered`);
    if (new Set(response.names).size !== response.names.length) this.faults.push(`a name is there twice in ${typeUrl}`);
    this.#unanswered.set(typeUrl, response);
    if (this.#answers.get(typeUrl)?.[0] === undefined) this.#store(response, named, versions);
    if (!this.#held.has(typeUrl)) this.#answer(response);
    this.#wake();
  }

  #store(
    { typeUrl, removed }: TestResponse,
    named: readonly (readonly [string, Any])[],
    versions: readonly (readonly [string, string])[],
  ): void {
    const resources = this.resources.get(typeUrl) ?? new Map();
    const known = this.versions.get(typeUrl) ?? new Map();
    for (const [name, resource] of named) resources.set(name, resource);
    for (const [name, version] of versions) known.set(name, version);
    for (const name of removed) {
      resources.delete(name);
      known.delete(name);
    }
    this.resources.set(typeUrl, resources);
    this.versions.set(typeUrl, known);
  }

  #answer({ typeUrl, nonce, version }: TestResponse): void {
    this.#unanswered.delete(typeUrl);
    const answer = this.#answers.get(typeUrl)?.shift() ?? 'ack';
    const errorDetail = answer === 'ack' ? undefined : { code: 3, message: answer.refuse };
    if (this.#delta !== undefined) {
      this.#sendDelta({ typeUrl, responseNonce: nonce, ...(errorDetail && { errorDetail }) });
      return;
    }
    this.#writeSotw(
      DiscoveryRequest.fromPartial({
        typeUrl,
        responseNonce: nonce,
        versionInfo: answer === 'ack' ? version : '',
        resourceNames: [...(this.#wanted.get(typeUrl) ?? [])],
        ...(errorDetail && { errorDetail }),
      }),
    );
  }

  #sendSotw(typeUrl: TypeUrl, versionInfo?: string): void {
    const last = this.responses.findLast((response) => response.typeUrl === typeUrl);
    const nonce = last !== undefined && this.#nonces.has(last.nonce) && versionInfo === undefined ? last.nonce : '';
    this.#writeSotw(
      DiscoveryRequest.fromPartial({
        ...this.#node(),
        typeUrl,
        resourceNames: [...(this.#wanted.get(typeUrl) ?? [])],
        responseNonce: nonce,
        versionInfo: versionInfo ?? last?.version ?? '',
      }),
    );
  }

  #sendDelta(request: Parameters<typeof DeltaDiscoveryRequest.fromPartial>[0]): void {
    this.#writeDelta(DeltaDiscoveryRequest.fromPartial({ ...this.#node(), ...request }));
  }

  #writeSotw(request: DiscoveryRequest): void {
    this.sent++;
    this.#call?.write(request);
  }

  #writeDelta(request: DeltaDiscoveryRequest): void {
    this.sent++;
    this.#delta?.write(request);
  }

  #node() {
    if (this.#firstSent) return {};
    this.#firstSent = true;
    const { id = 'cart-1.shop', metadata = {}, userAgentName = 'heddle' } = this.#options.node ?? {};
    return { node: { id, metadata, userAgentName } };
  }

  #wake(): void {
    for (const waiter of [...this.#waiters]) {
      if (!waiter.test()) continue;
      this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
      waiter.done();
    }
  }
}
