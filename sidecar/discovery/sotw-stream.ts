import type { ClientDuplexStream } from '@grpc/grpc-js';
import {
  DiscoveryRequest,
  type DiscoveryResponse,
  Resource,
} from '../../proto/gen/envoy/service/discovery/v3/discovery.ts';
import { namedTypes } from './discovery.ts';
import { resourceName } from './resource-name.ts';
import { errorDetail, type ResourceStream, type ResourceStreamOptions } from './resource-stream.ts';
import { type ResourceType, resourceTypeOf, typeUrls } from './type-urls.ts';

export type SotwCall = ClientDuplexStream<DiscoveryRequest, DiscoveryResponse>;

/** What is known of one type on this stream. */
interface Subscription {
  names: ReadonlySet<string>;
  /** Of the last response that was accepted; empty before. */
  version: string;
  nonce: string;
}

/**
 * The client's side of one state-of-the-world xDS stream (xDS protocol, "Basic protocol overview"). A response holds
 * all clusters or listeners, so that one that is missing is removed; of the other types it holds those that were asked
 * for, and what is missing stays as it was. Responses are handled one after the other; reading pauses meanwhile.
 */
export class SotwStream implements ResourceStream {
  readonly #call: SotwCall;
  readonly #options: ResourceStreamOptions;
  readonly #subscriptions = new Map<ResourceType, Subscription>();
  #nodeSent = false;
  #queue: Promise<void> = Promise.resolve();
  #ended = false;

  constructor(call: SotwCall, options: ResourceStreamOptions) {
    this.#call = call;
    this.#options = options;
    call.on('data', (response: DiscoveryResponse) => this.#enqueue(response));
  }

  start(): void {
    for (const type of this.#options.wildcardTypes) this.#subscribe(type, new Set());
    this.syncNames();
  }

  syncNames(): void {
    for (const type of namedTypes) {
      const wanted = this.#options.wantedNames(type);
      const before = this.#subscriptions.get(type)?.names;
      // A list of no names asks for all, before a first name was given.
      if (before === undefined ? wanted.size === 0 : sameNames(before, wanted)) continue;
      this.#subscribe(type, wanted);
    }
  }

  end(): void {
    this.#ended = true;
  }

  #enqueue(response: DiscoveryResponse): void {
    this.#call.pause();
    this.#queue = this.#queue.then(async () => {
      if (!this.#ended) await this.#answer(response);
      this.#call.resume();
    });
  }

  async #answer({ typeUrl, nonce, versionInfo, resources }: DiscoveryResponse): Promise<void> {
    const type = resourceTypeOf(typeUrl);
    const subscription = type === undefined ? undefined : this.#subscriptions.get(type);
    if (type === undefined || subscription === undefined) {
      this.#write({ typeUrl, responseNonce: nonce, errorDetail: errorDetail([`${typeUrl} was not asked for`]) });
      return;
    }
    const named = resources.map((packed) =>
      Resource.fromPartial({ name: resourceName(packed.value), version: versionInfo, resource: packed }),
    );
    const removed = this.#options.wildcardTypes.includes(type) ? this.#missing(type, named) : [];
    const problems = await this.#options.accept({ type, resources: named, removed });
    if (this.#ended) return;
    subscription.nonce = nonce;
    if (problems.length === 0) subscription.version = versionInfo;
    this.#request(type, subscription, problems);
    this.syncNames();
  }

  #missing(type: ResourceType, resources: readonly Resource[]): string[] {
    const there = new Set(resources.map(({ name }) => name));
    return [...this.#options.held.of(type)]
      .filter(([name, { origin }]) => origin === 'dynamic' && !there.has(name))
      .map(([name]) => name);
  }

  #subscribe(type: ResourceType, names: ReadonlySet<string>): void {
    const subscription = { version: '', nonce: '', ...this.#subscriptions.get(type), names };
    this.#subscriptions.set(type, subscription);
    this.#request(type, subscription, []);
  }

  #request(type: ResourceType, { names, version, nonce }: Subscription, problems: readonly string[]): void {
    this.#write({
      typeUrl: typeUrls[type],
      resourceNames: [...names],
      versionInfo: version,
      responseNonce: nonce,
      errorDetail: errorDetail(problems),
    });
  }

  #write(fields: Parameters<typeof DiscoveryRequest.fromPartial>[0]): void {
    if (this.#ended) return;
    const request = DiscoveryRequest.fromPartial(fields);
    // Only the first request of a stream needs the node.
    if (!this.#nodeSent) request.node = this.#options.node;
    this.#nodeSent = true;
    this.#call.write(request);
  }
}

function sameNames(before: ReadonlySet<string>, wanted: ReadonlySet<string>): boolean {
  return before.size === wanted.size && [...wanted].every((name) => before.has(name));
}
