import type { Clock } from '../../lib/clock.ts';
import { isKnownType, referredToBy, sendOrder, shortNames, waitsFor } from './order.ts';
import type { AdsProtocol, AdsRequest } from './protocol.ts';
import { type NodeResources, type TypeUrl, typeUrls, type XdsResource } from './resource.ts';
import { type Difference, Subscription } from './subscription.ts';

/** A client's refusal of a response. */
export interface Nack {
  readonly typeUrl: TypeUrl;
  /** `CDS`, `LDS` and so on. */
  readonly type: string;
  /** The client's words, at most 2,000 characters. */
  readonly error: string;
  /** Refusals of this type on this stream so far. */
  readonly count: number;
}

export interface AdsStreamOptions {
  readonly protocol: AdsProtocol;
  readonly clock: Clock;
  /** Writes an encoded response. */
  send(bytes: Buffer): void;
  onNack(nack: Nack): void;
}

/** State of one type on a stream, for people. */
export interface TypeStatus {
  readonly state: 'SYNCED' | 'NOT SENT' | 'STALE' | 'NACK';
  readonly version: string;
  readonly resources: number;
  readonly nacks: number;
  readonly error: string;
}

/** Names that a client may subscribe to for one type. */
export const maxNames = 100_000;
const maxErrorLength = 2_000;
const nothing: ReadonlyMap<string, XdsResource> = new Map();

/**
 * One client's aggregated stream: what it asks for, and what it gets when. Of each type at most one response is under
 * way; what changes meanwhile goes into the next one, so a slow client costs no queue. What was refused is not sent
 * again until it changes. Knows no transport.
 */
export class AdsStream {
  readonly #options: AdsStreamOptions;
  readonly #subscriptions = new Map<TypeUrl, Subscription>();
  #resources: NodeResources;
  #nonce = 0;

  constructor(resources: NodeResources, options: AdsStreamOptions) {
    this.#resources = resources;
    this.#options = options;
  }

  /** Takes newer resources and sends what may be sent now. */
  update(resources: NodeResources): void {
    this.#resources = resources;
    this.#pump();
  }

  /** Takes a request. Answers why the stream must end, or undefined. */
  onRequest(request: AdsRequest): string | undefined {
    if (request.typeUrl === '') return 'type_url is missing';
    // XD-02: a type that we do not have is a subscription to nothing.
    if (!isKnownType(request.typeUrl)) return undefined;
    const known = this.#subscriptions.get(request.typeUrl);
    const subscription = known ?? new Subscription(request.typeUrl);
    this.#subscriptions.set(request.typeUrl, subscription);
    this.#takeAnswer(subscription, request);
    // XD-05: a whole list of names written before the client saw our last response is out of date; delta's are not.
    const outdated = request.nonce !== '' && request.nonce !== subscription.lastNonce;
    if (outdated && known !== undefined && this.#options.protocol.name === 'sotw') return undefined;
    request.apply(subscription, this.#target(request.typeUrl), known === undefined);
    if (subscription.names.size > maxNames) {
      return `more than ${maxNames} names of type ${shortNames[request.typeUrl]}`;
    }
    this.#pump();
    return undefined;
  }

  /** Milliseconds (on the clock's scale) at which the oldest unanswered response was sent. */
  get oldestPending(): number | undefined {
    const times = [...this.#subscriptions.values()].flatMap(({ pending }) => pending?.sentAt ?? []);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  status(typeUrl: TypeUrl): TypeStatus {
    const subscription = this.#subscriptions.get(typeUrl);
    if (subscription === undefined) return { state: 'NOT SENT', version: '', resources: 0, nacks: 0, error: '' };
    const target = this.#target(typeUrl);
    return {
      state: this.#state(subscription, target),
      version: subscription.version(target),
      resources: subscription.heldCount,
      nacks: subscription.nacks,
      error: subscription.error,
    };
  }

  #state(subscription: Subscription, target: ReadonlyMap<string, XdsResource>): TypeStatus['state'] {
    if (subscription.pending !== undefined) return 'STALE';
    if (subscription.isRefused(target)) return 'NACK';
    if (subscription.owesAnswer || !isEmpty(this.#difference(subscription))) return 'STALE';
    return subscription.wildcard || subscription.names.size > 0 ? 'SYNCED' : 'NOT SENT';
  }

  #takeAnswer(subscription: Subscription, request: AdsRequest): void {
    if (request.error === undefined) {
      subscription.ack(request.nonce);
      return;
    }
    const error = request.error.slice(0, maxErrorLength);
    if (!subscription.nack(request.nonce, error)) return;
    const { typeUrl, nacks } = subscription;
    this.#options.onNack({ typeUrl, type: shortNames[typeUrl], error, count: nacks });
  }

  #pump(): void {
    for (const typeUrl of sendOrder) {
      const subscription = this.#subscriptions.get(typeUrl);
      if (subscription === undefined || subscription.pending !== undefined) continue;
      const difference = this.#difference(subscription);
      const due = this.#due(typeUrl, difference);
      if (!isEmpty(due) || (isEmpty(difference) && subscription.owesAnswer)) this.#send(subscription, due);
    }
  }

  /** The part of the difference that may be sent now (make before break). */
  #due(typeUrl: TypeUrl, { changed, absent, removed }: Difference): Difference {
    const mayAdd = changed.length === 0 || waitsFor[typeUrl].every((type) => this.#hasTaken(type));
    // A whole set cannot leave out what must wait.
    if (!mayAdd && this.#options.protocol.sendsWholeSet(typeUrl)) return { changed: [], absent: [], removed: [] };
    const mayRemove = removed.length > 0 && referredToBy[typeUrl].every((type) => this.#isSettled(type));
    return { changed: mayAdd ? changed : [], absent, removed: mayRemove ? removed : [] };
  }

  /** Whether the client took (or refused) all additions and changes of a type. */
  #hasTaken(typeUrl: TypeUrl): boolean {
    const subscription = this.#subscriptions.get(typeUrl);
    if (subscription === undefined) return true;
    return subscription.pending === undefined && this.#difference(subscription).changed.length === 0;
  }

  /** Whether the client took everything of a type and refused nothing. */
  #isSettled(typeUrl: TypeUrl): boolean {
    const subscription = this.#subscriptions.get(typeUrl);
    if (subscription === undefined) return true;
    return (
      subscription.pending === undefined &&
      !subscription.isRefused(this.#target(typeUrl)) &&
      isEmpty(this.#difference(subscription))
    );
  }

  #send(subscription: Subscription, due: Difference): void {
    const { protocol, clock, send } = this.#options;
    const { typeUrl } = subscription;
    const target = this.#target(typeUrl);
    const whole = protocol.sendsWholeSet(typeUrl);
    const changed = whole ? subscription.wanted(target) : due.changed;
    const retained = whole ? subscription.retained(target, due.removed) : [];
    const nonce = String(++this.#nonce);
    if (whole) this.#renewEndpoints(subscription, due);
    subscription.sent(nonce, { ...due, changed }, target, clock.now());
    send(
      protocol.write({
        typeUrl,
        nonce,
        version: () => subscription.version(target),
        resources: [...changed, ...retained],
        removed: [...due.removed, ...due.absent],
      }),
    );
  }

  /**
   * Envoy warms a changed cluster until its endpoints arrive anew. In delta it asks for them again; in state of the
   * world its request looks like an ACK, so they must be sent unasked.
   */
  #renewEndpoints(subscription: Subscription, due: Difference): void {
    if (subscription.typeUrl !== typeUrls.cluster) return;
    this.#subscriptions.get(typeUrls.endpoint)?.forget(due.changed.map(({ name }) => name));
  }

  #difference(subscription: Subscription): Difference {
    const { typeUrl } = subscription;
    return this.#options.protocol.sayable(typeUrl, subscription.difference(this.#target(typeUrl)));
  }

  #target(typeUrl: TypeUrl): ReadonlyMap<string, XdsResource> {
    return this.#resources.get(typeUrl) ?? nothing;
  }
}

function isEmpty({ changed, absent, removed }: Difference): boolean {
  return changed.length === 0 && absent.length === 0 && removed.length === 0;
}
