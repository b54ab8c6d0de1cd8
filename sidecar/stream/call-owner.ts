import type { Cluster } from '../cluster/cluster.ts';
import type { LocalReply } from '../filters/filter.ts';
import type { StreamInfo } from '../observe/stream-info.ts';
import type { ForwardAction, Route, WeightedCluster } from '../route/route-table.ts';
import type { EndpointChoice } from './endpoint-choice.ts';
import type { ResponseHead } from './head.ts';
import type { Headers } from './headers.ts';
import type { Mirrors } from './mirrors.ts';

/** The stream that a call is made for. After `reply`, an end or `onUpstreamAborted` nothing more is told. */
export interface UpstreamCallOwner {
  readonly info: StreamInfo;
  onUpstreamInformational(head: ResponseHead): void;
  onUpstreamHead(head: ResponseHead, end: boolean): void;
  onUpstreamData(chunk: Buffer, end: boolean): void;
  onUpstreamTrailers(trailers: Headers): void;
  /** The response stopped before it was complete. */
  onUpstreamAborted(flags: number, reason: string): void;
  reply(reply: LocalReply): void;
  /** Stops and restarts the reading of the request's body. */
  pauseRequestBody(): void;
  resumeRequestBody(): void;
}

export interface CallTarget {
  readonly route: Route;
  readonly action: ForwardAction;
  readonly target: WeightedCluster;
  readonly cluster: Cluster;
  /** Which endpoints it may go to; `undefined` for any. */
  readonly choice: EndpointChoice | undefined;
  /** Copies that get the request's body too. */
  readonly mirrors: Mirrors | undefined;
}
