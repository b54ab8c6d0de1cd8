import type { Cluster } from '../cluster/cluster.ts';
import type { Endpoint } from '../cluster/endpoint.ts';
import type { LocalReply } from '../filters/filter.ts';
import type { ForwardAction } from '../route/route-table.ts';
import type { AttemptFailure } from './attempt.ts';
import type { HardLimit } from './call-limits.ts';
import { grpcFromHttp } from './grpc-status.ts';
import type { ResponseHead } from './head.ts';
import { Headers } from './headers.ts';
import { type LocalReplyReason, localReply, localReplyKinds } from './local-replies.ts';
import type { ResponseFlag } from './response-flags.ts';

/** A failed attempt in the words of the local reply that it becomes. */
export interface DescribedFailure {
  reason: LocalReplyReason;
  flag: ResponseFlag;
  message: string;
}

/** The name by which messages speak of a cluster. */
export function clusterLabel(cluster: Cluster): string {
  return cluster.config.service === '' ? cluster.config.name : cluster.config.service;
}

export function failureDetails(cluster: Cluster, endpoint: Endpoint): Readonly<Record<string, string>> {
  return { service: clusterLabel(cluster), endpoint: endpoint.address };
}

export function describeFailure(failure: AttemptFailure, cluster: Cluster, endpoint: Endpoint): DescribedFailure {
  const service = clusterLabel(cluster);
  const { kind, detail } = failure;
  switch (kind) {
    case 'connect-refused':
    case 'connect-failure':
      return described('connect-refused', `no connection to ${service}: ${detail}; is it running?`);
    case 'connect-timeout':
      return described('connect-timeout', `no connection to ${service}: ${detail} (the cluster's connect time-out)`);
    case 'tls-failure':
      return described('tls-failure', `no mutual TLS with ${service}: ${detail}`);
    case 'overflow':
      return described('overflow', `a circuit breaker of ${service} is open: ${detail}`);
    case 'protocol-error':
      return described('upstream-protocol-error', `${service} at ${endpoint.address} broke the protocol: ${detail}`);
    case 'refused':
    case 'remote-reset':
    case 'local-reset':
      return described(
        'upstream-reset',
        `${service} at ${endpoint.address} ended the connection before it answered${detail === '' ? '' : `: ${detail}`}`,
      );
  }
}

/** Tells clients that know Envoy why they were refused. */
export function markOverload(reply: LocalReply): LocalReply {
  return { ...reply, headers: Headers.of({ 'x-envoy-overloaded': 'true' }) };
}

export function noHealthyEndpoints(cluster: Cluster, moreFlags: number): LocalReply {
  const service = clusterLabel(cluster);
  const total = cluster.endpoints.length;
  const details: Record<string, string> = { service, endpoints: String(total) };
  if (cluster.ejected > 0) details.ejected = `${cluster.ejected}/${total}`;
  const message =
    total === 0
      ? `${service} has no endpoints: no workload behind it is registered`
      : `none of the ${total} endpoints of ${service} is healthy (${cluster.ejected} ejected after failures)`;
  return localReply('no-healthy-endpoints', details, message, moreFlags);
}

export function noCluster(name: string, route: string, action: ForwardAction): LocalReply {
  if (name === 'invalid-backend') {
    const message = `the route ${route} names a backend that does not exist or that it may not use, or gives every backend weight 0; see its status`;
    return localReply('invalid-backend', { route }, message);
  }
  const message =
    name === ''
      ? `the route ${route} reads its cluster from the header ${action.clusterHeader}, which the request does not have`
      : `the route ${route} leads to ${name}, which is not there`;
  return { ...localReply('no-cluster', { cluster: name, route }, message), status: action.notFoundStatus };
}

export type TimeoutKind = 'request-timeout' | 'per-try-timeout' | 'per-try-idle' | 'stream-idle' | 'request-idle';

/** The message names the knob: where to write another time. */
export function timedOut(
  kind: TimeoutKind,
  ms: number,
  route: string,
  cluster: Cluster,
  endpoint: Endpoint | undefined,
): LocalReply {
  return localReply(kind, detailsOf(cluster, endpoint), describeTimeout(kind, ms, route, clusterLabel(cluster)));
}

function describeTimeout(kind: TimeoutKind, ms: number, route: string, service: string): string {
  switch (kind) {
    case 'request-timeout':
      return `${service} did not answer within ${ms} ms; set timeouts.request of ${route}, or spec.timeouts.request of a TrafficPolicy for ${service}`;
    case 'per-try-timeout':
      return `${service} did not answer a try within ${ms} ms; set timeouts.backendRequest of ${route}, or spec.timeouts.perTry of a TrafficPolicy for ${service}`;
    case 'per-try-idle':
      return `${service} sent nothing more of a try for ${ms} ms (retry_policy.per_try_idle_timeout of ${route})`;
    case 'request-idle':
      return `the client sent nothing more of its request for ${ms} ms`;
    case 'stream-idle':
      return `nothing was sent in either direction for ${ms} ms; set spec.timeouts.idle of a TrafficPolicy for ${service}`;
  }
}

/** The time that the whole stream has is over. */
export function pastLimit(
  limit: HardLimit,
  route: string,
  cluster: Cluster,
  endpoint: Endpoint | undefined,
): LocalReply {
  const service = clusterLabel(cluster);
  const message =
    limit.reason === 'deadline-exceeded'
      ? `${service} did not answer within the ${Math.round(limit.ms)} ms that the client gave it in ${limit.source}`
      : `the stream to ${service} lasted longer than ${limit.ms} ms (${limit.source} of ${route} or of its listener)`;
  return localReply(limit.reason, detailsOf(cluster, endpoint), message);
}

/** An upstream that does not speak gRPC where it was asked in gRPC; the client would only see a broken stream. */
export function notGrpc(head: ResponseHead, cluster: Cluster, endpoint: Endpoint): LocalReply {
  const service = clusterLabel(cluster);
  const type = head.headers.get('content-type') ?? 'no content type';
  const details = { ...failureDetails(cluster, endpoint), status: String(head.status) };
  const message = `${service} answered a gRPC request with HTTP ${head.status} and ${type}`;
  const reply = localReply('upstream-not-grpc', details, message);
  return { ...reply, grpcStatus: grpcFromHttp(head.status) };
}

function detailsOf(cluster: Cluster, endpoint: Endpoint | undefined): Readonly<Record<string, string>> {
  return endpoint === undefined ? {} : failureDetails(cluster, endpoint);
}

function described(reason: LocalReplyReason, message: string): DescribedFailure {
  return { reason, flag: localReplyKinds[reason].flag, message };
}
