import {
  AdaptiveConcurrency,
  GradientControllerConfig,
  GradientControllerConfig_ConcurrencyLimitCalculationParams,
  GradientControllerConfig_MinimumRTTCalculationParams,
} from '../../../proto/gen/envoy/extensions/filters/http/adaptive_concurrency/v3/adaptive_concurrency.ts';
import type { Any } from '../../../proto/gen/google/protobuf/any.ts';
import type { AdaptiveConcurrencyConfig } from '../../filters/adaptive-concurrency/adaptive-concurrency.ts';
import type { GradientConfig } from '../../filters/adaptive-concurrency/gradient-controller.ts';
import { fieldsOf } from '../message-fields.ts';
import { join, type Reader } from '../reader.ts';
import { decodePercent } from './decode-percent.ts';

export const adaptiveConcurrencyFields = fieldsOf(AdaptiveConcurrency, {
  supported: ['concurrencyControllerConfig.gradientControllerConfig', 'enabled', 'concurrencyLimitExceededStatus'],
});

export const gradientControllerFields = fieldsOf(GradientControllerConfig, {
  supported: ['sampleAggregatePercentile', 'concurrencyLimitParams', 'minRttCalcParams'],
});

export const concurrencyLimitFields = fieldsOf(GradientControllerConfig_ConcurrencyLimitCalculationParams, {
  supported: ['maxConcurrencyLimit', 'concurrencyUpdateInterval'],
});

export const minRttFields = fieldsOf(GradientControllerConfig_MinimumRTTCalculationParams, {
  supported: ['interval', 'requestCount', 'jitter', 'minConcurrency', 'buffer'],
});

/** `undefined` where it is not enabled: there is nothing to do then. */
export function decodeAdaptiveConcurrency(
  reader: Reader,
  path: string,
  packed: Any,
): AdaptiveConcurrencyConfig | undefined {
  const message = reader.unpack(path, packed, AdaptiveConcurrency);
  if (message === undefined) return undefined;
  reader.only(path, message, adaptiveConcurrencyFields);
  const controller = message.concurrencyControllerConfig?.value;
  if (controller === undefined) {
    reader.problem(join(path, 'gradient_controller_config'), 'missing');
    return undefined;
  }
  const gradient = decodeGradient(reader, join(path, 'gradient_controller_config'), controller);
  if (message.enabled?.defaultValue === false) return undefined;
  const status = message.concurrencyLimitExceededStatus?.code ?? 503;
  return { kind: 'adaptive-concurrency', gradient, status: status >= 400 && status <= 599 ? status : 503 };
}

function decodeGradient(reader: Reader, path: string, message: GradientControllerConfig): GradientConfig {
  reader.only(path, message, gradientControllerFields);
  const limits = message.concurrencyLimitParams;
  const limitPath = join(path, 'concurrency_limit_params');
  if (limits !== undefined) reader.only(limitPath, limits, concurrencyLimitFields);
  if (limits?.concurrencyUpdateInterval === undefined) {
    reader.problem(join(limitPath, 'concurrency_update_interval'), 'missing');
  }
  const rtt = message.minRttCalcParams;
  const rttPath = join(path, 'min_rtt_calc_params');
  if (rtt !== undefined) reader.only(rttPath, rtt, minRttFields);
  if (rtt?.interval === undefined) reader.problem(join(rttPath, 'interval'), 'missing');
  const counts = {
    [join(limitPath, 'max_concurrency_limit')]: limits?.maxConcurrencyLimit,
    [join(rttPath, 'request_count')]: rtt?.requestCount,
    [join(rttPath, 'min_concurrency')]: rtt?.minConcurrency,
  };
  for (const [field, count] of Object.entries(counts)) if (count === 0) reader.problem(field, 'must be above 0');
  return {
    percentile: decodePercent(
      reader,
      join(path, 'sample_aggregate_percentile'),
      message.sampleAggregatePercentile,
      0.5,
    ),
    maxLimit: limits?.maxConcurrencyLimit ?? 1_000,
    updateMs: reader.positiveDuration(
      join(limitPath, 'concurrency_update_interval'),
      limits?.concurrencyUpdateInterval,
      100,
    ),
    minRttIntervalMs: reader.positiveDuration(join(rttPath, 'interval'), rtt?.interval, 60_000),
    minRttRequests: rtt?.requestCount ?? 50,
    minRttJitter: decodePercent(reader, join(rttPath, 'jitter'), rtt?.jitter, 0.15),
    minLimit: rtt?.minConcurrency ?? 3,
    minRttBuffer: decodePercent(reader, join(rttPath, 'buffer'), rtt?.buffer, 0.25),
  };
}
