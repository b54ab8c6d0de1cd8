import {
  LocalRateLimitDescriptor,
  VhRateLimitsOptions,
  XRateLimitHeadersRFCVersion,
} from '../../../proto/gen/envoy/extensions/common/ratelimit/v3/ratelimit.ts';
import { LocalRateLimit } from '../../../proto/gen/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit.ts';
import { TokenBucket } from '../../../proto/gen/envoy/type/v3/token_bucket.ts';
import type { Any } from '../../../proto/gen/google/protobuf/any.ts';
import type { LocalRateLimitConfig } from '../../filters/local-rate-limit/local-rate-limit.ts';
import type { TokenBucketConfig } from '../../filters/local-rate-limit/token-bucket.ts';
import { decodeRuntimeFraction } from '../decode-fraction.ts';
import { decodeMutation } from '../decode-mutation.ts';
import { fieldsOf } from '../message-fields.ts';
import { join, type Reader } from '../reader.ts';
import type { DecodedOverride } from './decoded-override.ts';

export const localRateLimitFields = fieldsOf(LocalRateLimit, {
  supported: [
    'status',
    'tokenBucket',
    'filterEnabled',
    'filterEnforced',
    'requestHeadersToAddWhenNotEnforced',
    'responseHeadersToAdd',
    'descriptors',
    'stage',
    'localRateLimitPerDownstreamConnection',
    'enableXRatelimitHeaders',
    'vhRateLimits',
    'alwaysConsumeDefaultTokenBucket',
    'rateLimitedAsResourceExhausted',
  ],
  ignored: { statPrefix: 'refusals are counted by their reason' },
});

export const tokenBucketFields = fieldsOf(TokenBucket, { supported: ['maxTokens', 'tokensPerFill', 'fillInterval'] });

export const localRateLimitDescriptorFields = fieldsOf(LocalRateLimitDescriptor, {
  supported: ['entries', 'tokenBucket'],
});

export function decodeLocalRateLimit(reader: Reader, path: string, packed: Any): LocalRateLimitConfig | undefined {
  const message = reader.unpack(path, packed, LocalRateLimit);
  if (message === undefined) return undefined;
  reader.only(path, message, localRateLimitFields);
  if (message.stage > 10) reader.problem(join(path, 'stage'), 'above 10');
  const { DRAFT_VERSION_03 } = XRateLimitHeadersRFCVersion;
  const { INCLUDE, IGNORE } = VhRateLimitsOptions;
  // Over 4xx and 5xx only is it an error; Envoy takes 429 for all others.
  const status = message.status?.code ?? 429;
  return {
    kind: 'local-rate-limit',
    bucket:
      message.tokenBucket === undefined
        ? undefined
        : decodeBucket(reader, join(path, 'token_bucket'), message.tokenBucket),
    descriptors: message.descriptors.map((descriptor, index) =>
      decodeDescriptor(reader, join(path, `descriptors[${index}]`), descriptor),
    ),
    alwaysDefault: message.alwaysConsumeDefaultTokenBucket !== false,
    enabled: shareOf(reader, join(path, 'filter_enabled'), message.filterEnabled),
    enforced: shareOf(reader, join(path, 'filter_enforced'), message.filterEnforced),
    status: status >= 400 && status <= 599 ? status : 429,
    grpcStatus: message.rateLimitedAsResourceExhausted ? 8 : 14,
    stage: message.stage,
    perConnection: message.localRateLimitPerDownstreamConnection,
    hostRules: message.vhRateLimits === INCLUDE ? 'include' : message.vhRateLimits === IGNORE ? 'ignore' : 'override',
    limitHeaders: message.enableXRatelimitHeaders === DRAFT_VERSION_03,
    requestHeadersWhenNotEnforced: decodeMutation(
      reader,
      join(path, 'request_headers'),
      message.requestHeadersToAddWhenNotEnforced,
      [],
    ),
    responseHeaders: decodeMutation(reader, join(path, 'response_headers'), message.responseHeadersToAdd, []),
  };
}

export function decodeLocalRateLimitOverride(reader: Reader, path: string, packed: Any): DecodedOverride | undefined {
  const config = decodeLocalRateLimit(reader, path, packed);
  if (config === undefined) return undefined;
  if (config.bucket === undefined) reader.problem(join(path, 'token_bucket'), 'missing');
  return { disabled: false, config };
}

/** Without a share nothing is limited, as in Envoy. */
function shareOf(reader: Reader, path: string, message: LocalRateLimit['filterEnabled']): number {
  return message === undefined ? 0 : decodeRuntimeFraction(reader, path, message);
}

function decodeDescriptor(
  reader: Reader,
  path: string,
  message: LocalRateLimitDescriptor,
): LocalRateLimitConfig['descriptors'][number] {
  reader.only(path, message, localRateLimitDescriptorFields);
  if (message.entries.length === 0) reader.problem(join(path, 'entries'), 'missing');
  if (message.tokenBucket === undefined) reader.problem(join(path, 'token_bucket'), 'missing');
  return {
    entries: message.entries.map(({ key, value }, index) => ({
      key: reader.required(join(path, `entries[${index}].key`), key),
      // Newer Envoys read an empty value so.
      value: value === '' ? undefined : value,
    })),
    bucket: decodeBucket(reader, join(path, 'token_bucket'), message.tokenBucket ?? TokenBucket.create()),
  };
}

function decodeBucket(reader: Reader, path: string, message: TokenBucket): TokenBucketConfig {
  reader.only(path, message, tokenBucketFields);
  const { maxTokens, tokensPerFill = 1, fillInterval } = message;
  if (maxTokens < 1) reader.problem(join(path, 'max_tokens'), 'must be above 0');
  if (tokensPerFill < 1) reader.problem(join(path, 'tokens_per_fill'), 'must be above 0');
  if (fillInterval === undefined) reader.problem(join(path, 'fill_interval'), 'missing');
  const intervalMs = reader.positiveDuration(join(path, 'fill_interval'), fillInterval, 1_000);
  // Each worker has buckets of its own, with its share of the tokens.
  const { workers = 1 } = reader.context;
  return { maxTokens: reader.share(maxTokens), tokensPerMs: tokensPerFill / workers / Math.max(1, intervalMs) };
}
