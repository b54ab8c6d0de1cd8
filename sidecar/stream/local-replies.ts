import type { LocalReply } from '../filters/filter.ts';
import { grpcCodes } from './grpc-status.ts';
import { type ResponseFlag, responseFlags } from './response-flags.ts';

interface Kind {
  status: number;
  flag: ResponseFlag;
  /** The gRPC status, where the HTTP status does not tell it. */
  grpc?: number;
}

/**
 * Every answer that the proxy gives in an upstream's place, by its reason. `docs/errors.md` tells the same to people.
 */
export const localReplyKinds = {
  'unknown-host': { status: 404, flag: 'NR' },
  'no-route': { status: 404, flag: 'NR' },
  /** The listener is there and its routes are not yet. */
  'no-route-table': { status: 503, flag: 'NR' },
  'no-cluster': { status: 503, flag: 'NC' },
  /** The request asks to switch to a protocol that neither the chain nor the route allows. */
  'upgrade-refused': { status: 403, flag: 'NR' },
  /** The route names a backend that its author may not use or that does not exist (Gateway API). */
  'invalid-backend': { status: 500, flag: 'NC' },
  'no-healthy-endpoints': { status: 503, flag: 'UH' },
  'connect-refused': { status: 503, flag: 'UF' },
  'connect-timeout': { status: 503, flag: 'UF' },
  'tls-failure': { status: 503, flag: 'UF' },
  'upstream-reset': { status: 503, flag: 'UC' },
  'upstream-protocol-error': { status: 502, flag: 'UPE' },
  /** A gRPC request was answered with something else. */
  'upstream-not-grpc': { status: 502, flag: 'UPE' },
  'request-timeout': { status: 504, flag: 'UT', grpc: grpcCodes.deadlineExceeded },
  'per-try-timeout': { status: 504, flag: 'UT' },
  'per-try-idle': { status: 504, flag: 'UT' },
  /** The client does not wait any longer, by its own word. */
  'deadline-exceeded': { status: 504, flag: 'UT', grpc: grpcCodes.deadlineExceeded },
  'max-stream-duration': { status: 504, flag: 'DT', grpc: grpcCodes.deadlineExceeded },
  overflow: { status: 503, flag: 'UO' },
  'stream-idle': { status: 504, flag: 'SI' },
  /** The client, not the upstream, fell silent in the middle of its request. */
  'request-idle': { status: 408, flag: 'SI' },
  /** More requests are under way than the filter lets. */
  'concurrency-limit': { status: 503, flag: 'UO' },
  'admission-denied': { status: 503, flag: 'UO' },
  /** Too long, or not as gRPC has it. */
  'grpc-message-refused': { status: 400, flag: 'DPE' },
  /** The filter also says the status. */
  'rate-limited': { status: 429, flag: 'RL' },
  /** By the filter that does so on purpose; it also says the status. */
  'fault-injected': { status: 503, flag: 'FI' },
  /** The route takes bodies up to a length only. */
  'body-too-large': { status: 413, flag: 'DPE' },
  /** The host belongs to another TLS server name than the connection's (RFC 9110 section 15.5.20). */
  misdirected: { status: 421, flag: 'NR' },
  /** Its body did not come within the time, or came too slowly. */
  'request-incomplete': { status: 408, flag: 'DT' },
  'slow-upload': { status: 408, flag: 'SI' },
  /** CONNECT to something that is not in the mesh, or that cannot be tunnelled. */
  'unknown-destination': { status: 404, flag: 'NR' },
} as const satisfies Record<string, Kind>;

export type LocalReplyReason = keyof typeof localReplyKinds;

/** `details` become `key=value` pairs of `x-heddle-reason`; `moreFlags` is added to the reason's own flag. */
export function localReply(
  reason: LocalReplyReason,
  details: Readonly<Record<string, string>>,
  message: string,
  moreFlags = 0,
): LocalReply {
  const { status, flag, grpc }: Kind = localReplyKinds[reason];
  const flags = responseFlags[flag].bit | moreFlags;
  return { status, reason, details, message, flags, ...(grpc === undefined ? {} : { grpcStatus: grpc }) };
}
