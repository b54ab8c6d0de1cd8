import type { TypeUrl, XdsResource } from './resource.ts';
import type { Difference, Subscription } from './subscription.ts';

/** What an xDS client says of itself (`envoy.config.core.v3.Node`). */
export interface XdsNode {
  readonly id: string;
  readonly cluster: string;
  readonly userAgentName: string;
  readonly userAgentVersion: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** A request of either form, read. */
export interface AdsRequest {
  readonly node: XdsNode | undefined;
  /** Encoded size of the node, in bytes, without its list of extensions. */
  readonly nodeBytes: number;
  /** Size of the message without that list and without the versions that a reconnecting client brings along. */
  readonly messageBytes: number;
  readonly typeUrl: string;
  /** Nonce of the response that this answers; empty for none. */
  readonly nonce: string;
  /** Why the client refuses that response; undefined when it does not. */
  readonly error: string | undefined;
  /** Changes what the client wants. `first` is the first request for this type on the stream. */
  apply(subscription: Subscription, target: ReadonlyMap<string, XdsResource>, first: boolean): void;
}

/** What to put into a response. */
export interface AdsResponse {
  readonly typeUrl: TypeUrl;
  readonly nonce: string;
  /** Version of the whole of what the client asked for; computed when it is needed. */
  readonly version: () => string;
  readonly resources: readonly XdsResource[];
  /** Names that the client should no longer have, or that do not exist. */
  readonly removed: readonly string[];
}

/** What differs between state-of-the-world and delta. */
export interface AdsProtocol {
  readonly name: 'sotw' | 'delta';
  /** Throws when the bytes are no request. */
  read(bytes: Buffer): AdsRequest;
  /** Whether a response holds all resources of the type, so that what it lacks is gone. */
  sendsWholeSet(typeUrl: TypeUrl): boolean;
  /** Restricts a difference to what this form can say of the type. */
  sayable(typeUrl: TypeUrl, difference: Difference): Difference;
  /** An encoded response. */
  write(response: AdsResponse): Buffer;
}
