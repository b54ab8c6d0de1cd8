import { RoutingPriority } from '../../proto/gen/envoy/config/core/v3/base.ts';
import {
  RouteAction,
  RouteAction_ClusterNotFoundResponseCode,
  RouteAction_MaxStreamDuration,
  type VirtualHost as VirtualHostMessage,
} from '../../proto/gen/envoy/config/route/v3/route_components.ts';
import type { Duration } from '../../proto/gen/google/protobuf/duration.ts';
import type { ForwardAction, StreamDuration } from '../route/route-table.ts';
import { decodeHashPolicies } from './decode-hash-policy.ts';
import { decodeHostRewrite, decodeRegexRewrite } from './decode-host-rewrite.ts';
import { withMetadata } from './decode-metadata-match.ts';
import { decodeMirrors } from './decode-mirrors.ts';
import type { MutationLevels } from './decode-mutation-levels.ts';
import type { OverridePlace } from './decode-overrides.ts';
import { decodeRateLimits } from './decode-rate-limits.ts';
import { decodeRetry } from './decode-retry.ts';
import { decodeTargets } from './decode-targets.ts';
import { decodeRouteUpgrades } from './decode-upgrades.ts';
import { fieldsOf } from './message-fields.ts';
import { join, type Reader } from './reader.ts';

export const routeActionFields = fieldsOf(RouteAction, {
  supported: [
    'clusterSpecifier.cluster',
    'clusterSpecifier.clusterHeader',
    'clusterSpecifier.weightedClusters',
    'clusterNotFoundResponseCode',
    'prefixRewrite',
    'regexRewrite',
    'hostRewriteSpecifier.hostRewriteLiteral',
    'hostRewriteSpecifier.autoHostRewrite',
    'hostRewriteSpecifier.hostRewriteHeader',
    'hostRewriteSpecifier.hostRewritePathRegex',
    'appendXForwardedHost',
    'timeout',
    'idleTimeout',
    'retryPolicy',
    'hashPolicy',
    'metadataMatch',
    'hedgePolicy',
    'priority',
    'requestMirrorPolicies',
    'maxStreamDuration',
    'maxGrpcTimeout',
    'grpcTimeoutOffset',
    'rateLimits',
    'includeVhRateLimits',
    'upgradeConfigs',
  ],
});

export const maxStreamDurationFields = fieldsOf(RouteAction_MaxStreamDuration, {
  supported: ['maxStreamDuration', 'grpcTimeoutHeaderMax', 'grpcTimeoutHeaderOffset'],
});

/**
 * Reads a `route` action. What it leaves open is taken from its virtual host: without a retry policy on either, nothing
 * is retried, as in Envoy. `levels` are the mutations of the route and of what is around it.
 */
export function decodeForward(
  reader: Reader,
  path: string,
  message: RouteAction,
  host: VirtualHostMessage,
  levels: MutationLevels,
  at: OverridePlace,
): ForwardAction {
  reader.only(path, message, routeActionFields);
  return {
    kind: 'forward',
    ...withMetadata(decodeTargets(reader, path, message.clusterSpecifier, levels, at), message),
    ...(message.hashPolicy.length === 0 ? {} : { hashPolicies: decodeHashPolicies(reader, path, message.hashPolicy) }),
    notFoundStatus: decodeNotFound(reader, path, message.clusterNotFoundResponseCode),
    timeoutMs: reader.duration(join(path, 'timeout'), message.timeout, 15_000),
    idleTimeoutMs:
      message.idleTimeout === undefined
        ? undefined
        : reader.duration(join(path, 'idle_timeout'), message.idleTimeout, 0),
    priority: message.priority === RoutingPriority.HIGH ? 'high' : 'default',
    retry: decodeRetry(reader, path, message.retryPolicy ?? host.retryPolicy, message.hedgePolicy ?? host.hedgePolicy),
    mirrors: decodeMirrors(reader, path, message, host),
    streamDuration: decodeStreamDuration(reader, path, message),
    ...(message.upgradeConfigs.length === 0
      ? {}
      : { upgrades: decodeRouteUpgrades(reader, join(path, 'upgrade_configs'), message.upgradeConfigs) }),
    pathRewrite: decodePathRewrite(reader, path, message),
    hostRewrite: decodeHostRewrite(reader, path, message.hostRewriteSpecifier),
    appendForwardedHost: message.appendXForwardedHost,
    attemptCountInRequest: host.includeRequestAttemptCount,
    attemptCountInResponse: host.includeAttemptCountInResponse,
    rateLimits: decodeRateLimits(reader, path, message.rateLimits),
    includeHostRateLimits: message.includeVhRateLimits === true,
  };
}

function decodeNotFound(
  reader: Reader,
  path: string,
  code: RouteAction_ClusterNotFoundResponseCode,
): ForwardAction['notFoundStatus'] {
  const codes = RouteAction_ClusterNotFoundResponseCode;
  switch (code) {
    case codes.SERVICE_UNAVAILABLE:
      return 503;
    case codes.NOT_FOUND:
      return 404;
    case codes.INTERNAL_SERVER_ERROR:
      return 500;
    default:
      reader.problem(join(path, 'cluster_not_found_response_code'), 'not supported');
      return 503;
  }
}

/** `max_grpc_timeout` and `grpc_timeout_offset` are the older words for the same. */
function decodeStreamDuration(reader: Reader, path: string, message: RouteAction): StreamDuration | undefined {
  const { maxStreamDuration: durations, maxGrpcTimeout, grpcTimeoutOffset } = message;
  if (durations === undefined && maxGrpcTimeout === undefined && grpcTimeoutOffset === undefined) return undefined;
  const at = join(path, 'max_stream_duration');
  if (durations !== undefined) reader.only(at, durations, maxStreamDurationFields);
  const optional = (field: string, duration: Duration | undefined): number | undefined =>
    duration === undefined ? undefined : reader.duration(field, duration, 0);
  return {
    maxMs: optional(join(at, 'max_stream_duration'), durations?.maxStreamDuration),
    grpcMaxMs:
      optional(join(at, 'grpc_timeout_header_max'), durations?.grpcTimeoutHeaderMax) ??
      optional(join(path, 'max_grpc_timeout'), maxGrpcTimeout),
    grpcOffsetMs:
      optional(join(at, 'grpc_timeout_header_offset'), durations?.grpcTimeoutHeaderOffset) ??
      reader.duration(join(path, 'grpc_timeout_offset'), grpcTimeoutOffset, 0),
  };
}

function decodePathRewrite(reader: Reader, path: string, message: RouteAction): ForwardAction['pathRewrite'] {
  const regex = message.regexRewrite;
  if (message.prefixRewrite !== '' && regex !== undefined) {
    reader.problem(join(path, 'regex_rewrite'), 'not together with prefix_rewrite');
  }
  if (message.prefixRewrite !== '') return { kind: 'prefix', value: message.prefixRewrite };
  if (regex === undefined) return undefined;
  const rewrite = decodeRegexRewrite(reader, join(path, 'regex_rewrite'), regex);
  const { pattern, substitution } = rewrite;
  // How Envoy is told to replace the whole path.
  if (/^\^?\/?\.[*+]\$?$/.test(pattern.source.replaceAll('\\/', '/')) && !substitution.includes('\\')) {
    return { kind: 'full', value: substitution };
  }
  return rewrite;
}
