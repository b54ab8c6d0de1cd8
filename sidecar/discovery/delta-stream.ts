import type { ClientDuplexStream } from '@grpc/grpc-js';
import {
  DeltaDiscoveryRequest,
  type DeltaDiscoveryResponse,
} from '../../proto/gen/envoy/service/discovery/v3/discovery.ts';
import { namedTypes } from './discovery.ts';
import { errorDetail, type ResourceStream, type ResourceStreamOptions } from './resource-stream.ts';
import { type ResourceType, resourceTypeOf, typeUrls } from './type-urls.ts';

export type DeltaCall = ClientDuplexStream<DeltaDiscoveryRequest, DeltaDiscoveryResponse>;

/**
 * The client's side of one incremental xDS stream (xDS protocol, "Incremental xDS"): subscribes, answers each
 * response with an ACK or NACK carrying its nonce, and follows the names that the configuration refers to.
 * Responses are handled one after the other; reading pauses meanwhile.
 */
export class DeltaStream implements ResourceStream {
  readonly #call: DeltaCall;
  readonly #options: ResourceStreamOptions;
  readonly #subscribed = new Map<ResourceType, Set<string>>();
  #nodeSent = false;
  #queue: Promise<void> = Promise.resolve();
  #ended = false;

  constructor(call: DeltaCall, options: ResourceStreamOptions) {
    this.#call = call;
    this.#options = options;
    call.on('data', (response: DeltaDiscoveryResponse) => this.#enqueue(response));
  }

  /** Sends the first requests; what is held already is named with its version, so that it is not sent again. */
  start(): void {
    for (const type of this.#options.wildcardTypes) {
      this.#send(type, { initialResourceVersions: this.#options.held.versions(type) });
    }
    this.syncNames();
  }

  /** Subscribes to what is referred to now, and unsubscribes from what is not any more. */
  syncNames(): void {
    for (const type of namedTypes) {
      const wanted = this.#options.wantedNames(type);
      const before = this.#subscribed.get(type);
      const subscribe = [...wanted].filter((name) => !before?.has(name));
      const unsubscribe = [...(before ?? [])].filter((name) => !wanted.has(name));
      if (subscribe.length === 0 && unsubscribe.length === 0) continue;
      this.#subscribed.set(type, wanted);
      this.#send(type, {
        resourceNamesSubscribe: subscribe,
        resourceNamesUnsubscribe: unsubscribe,
        ...(before === undefined ? { initialResourceVersions: this.#options.held.versions(type) } : {}),
      });
    }
  }

  /** Nothing is sent from now on. */
  end(): void {
    this.#ended = true;
  }

  #enqueue(response: DeltaDiscoveryResponse): void {
    this.#call.pause();
    this.#queue = this.#queue.then(async () => {
      if (!this.#ended) await this.#answer(response);
      this.#call.resume();
    });
  }

  async #answer(response: DeltaDiscoveryResponse): Promise<void> {
    const { typeUrl, nonce, resources, removedResources } = response;
    const type = resourceTypeOf(typeUrl);
    const problems =
      type === undefined
        ? [`${typeUrl === '' ? '(no type)' : typeUrl} was not asked for`]
        : await this.#options.accept({ type, resources, removed: removedResources });
    if (this.#ended) return;
    this.#write({ typeUrl, responseNonce: nonce, errorDetail: errorDetail(problems) });
    this.syncNames();
  }

  #send(type: ResourceType, fields: Parameters<typeof DeltaDiscoveryRequest.fromPartial>[0]): void {
    this.#write({ typeUrl: typeUrls[type], ...fields });
  }

  #write(fields: Parameters<typeof DeltaDiscoveryRequest.fromPartial>[0]): void {
    if (this.#ended) return;
    const request = DeltaDiscoveryRequest.fromPartial(fields);
    // Only the first request of a stream needs the node.
    if (!this.#nodeSent) request.node = this.#options.node;
    this.#nodeSent = true;
    this.#call.write(request);
  }
}
