import type { Endpoint } from '../cluster/endpoint.ts';
import type { UpstreamConnection } from '../cluster/upstream-connection.ts';
import type { StreamInfo } from '../observe/stream-info.ts';
import type { Attempt } from './attempt.ts';
import type { ResponseFlag } from './response-flags.ts';

/** Notes how an attempt ended; `flag` is empty when it was answered. */
export function recordAttempt(info: StreamInfo, attempt: Attempt, flag: ResponseFlag | '', now: number): void {
  info.attempts ??= [];
  info.attempts.push({
    endpoint: attempt.endpoint.address,
    startMs: attempt.startTime - info.startTime,
    durationMs: now - attempt.startTime,
    status: attempt.status,
    failure: flag,
  });
}

/** Where the request goes now. */
export function tellEndpoint(info: StreamInfo, endpoint: Endpoint): void {
  info.upstreamAddress = endpoint.address;
  info.upstreamWorkload = endpoint.config.workload;
  info.upstreamTls = endpoint.config.tls;
}

/** The connection that the request goes over. */
export function tellConnection(info: StreamInfo, connection: UpstreamConnection | undefined): void {
  info.upstreamPeer = connection?.peer ?? '';
  info.upstreamProtocol = connection?.protocol === 'http2' ? '2' : '1.1';
}
