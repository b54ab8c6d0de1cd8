import type { StreamInfo } from '../observe/stream-info.ts';
import { headerValue } from '../route/match-values.ts';
import type { ForwardAction } from '../route/route-table.ts';
import { attemptHeader } from './call-headers.ts';
import type { RequestHead } from './head.ts';
import type { Headers } from './headers.ts';
import { Mirror, shadowHost } from './mirror.ts';
import type { StreamScope } from './stream-scope.ts';

/** The copies of one request. */
export class Mirrors {
  readonly #all: readonly Mirror[];

  constructor(all: readonly Mirror[]) {
    this.#all = all;
  }

  onRequestData(chunk: Buffer, end: boolean): void {
    for (const mirror of this.#all) mirror.onRequestData(chunk, end);
  }

  onRequestTrailers(trailers: Headers): void {
    for (const mirror of this.#all) mirror.onRequestTrailers(trailers);
  }

  onOriginalEnded(): void {
    for (const mirror of this.#all) mirror.onOriginalEnded();
  }
}

/** Sends the copies that the action asks for, by chance where it is for a share; notes their clusters. */
export function startMirrors(
  scope: StreamScope,
  action: ForwardAction,
  head: RequestHead,
  end: boolean,
  info: StreamInfo,
): Mirrors | undefined {
  // What switches protocols is no request that could be repeated.
  if (head.upgrade !== undefined || head.method === 'CONNECT') return undefined;
  const all: Mirror[] = [];
  for (const policy of action.mirrors) {
    if (policy.share < 1 && scope.random() >= policy.share) continue;
    const name = policy.clusterHeader === undefined ? policy.cluster : headerValue(head, policy.clusterHeader);
    const cluster = name === undefined ? undefined : scope.clusters.get(name);
    if (name === undefined || cluster === undefined) continue;
    const mirror = new Mirror(scope, copyOf(head, policy.appendHostSuffix), end);
    if (!mirror.start(cluster, action.timeoutMs)) continue;
    info.mirroredTo = info.mirroredTo === '' ? name : `${info.mirroredTo},${name}`;
    all.push(mirror);
  }
  return all.length === 0 ? undefined : new Mirrors(all);
}

function copyOf(head: RequestHead, appendHostSuffix: boolean): RequestHead {
  const headers = head.headers.clone();
  headers.remove(attemptHeader);
  return {
    ...head,
    headers,
    authority: appendHostSuffix ? shadowHost(head.authority) : head.authority,
    expectContinue: false,
  };
}
