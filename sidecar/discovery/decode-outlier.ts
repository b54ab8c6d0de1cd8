import { OutlierDetection } from '../../proto/gen/envoy/config/cluster/v3/outlier_detection.ts';
import { type ClusterConfig, defaultOutlier } from '../cluster/cluster-config.ts';
import { fieldsOf } from './message-fields.ts';
import { join, type Reader } from './reader.ts';

export const outlierFields = fieldsOf(OutlierDetection, {
  supported: [
    'consecutive5xx',
    'interval',
    'baseEjectionTime',
    'maxEjectionPercent',
    'enforcingConsecutive5xx',
    'enforcingSuccessRate',
    'successRateMinimumHosts',
    'successRateRequestVolume',
    'successRateStdevFactor',
    'consecutiveGatewayFailure',
    'enforcingConsecutiveGatewayFailure',
    'splitExternalLocalOriginErrors',
    'consecutiveLocalOriginFailure',
    'enforcingConsecutiveLocalOriginFailure',
    'enforcingLocalOriginSuccessRate',
    'failurePercentageThreshold',
    'enforcingFailurePercentage',
    'enforcingFailurePercentageLocalOrigin',
    'failurePercentageMinimumHosts',
    'failurePercentageRequestVolume',
    'maxEjectionTime',
    'maxEjectionTimeJitter',
    'successfulActiveHealthCheckUnejectHost',
  ],
  ignored: { alwaysEjectOneHost: 'one endpoint may always be ejected, unless it is the last or the percentage is 0' },
  limits: {
    maxEjectionPercent: 'unset it is 50, where Envoy has 10; the last endpoint is never ejected',
    successfulActiveHealthCheckUnejectHost: 'unset it is false: one real request decides, as after any ejection',
  },
});

const path = 'outlier_detection';

/** Reads `outlier_detection`; nothing where there is none, for the defaults of the mesh. */
export function decodeOutlier(reader: Reader, message: OutlierDetection | undefined): Pick<ClusterConfig, 'outlier'> {
  if (message === undefined) return {};
  reader.only(path, message, outlierFields);
  const percent = (field: string, value: number | undefined, fallback: number): number => {
    if (value !== undefined && value > 100) reader.problem(join(path, field), 'at most 100');
    return value ?? fallback;
  };
  const duration = (field: string, value: OutlierDetection['interval'], fallback: number): number =>
    reader.positiveDuration(join(path, field), value, fallback);
  const baseEjectionMs = duration('base_ejection_time', message.baseEjectionTime, defaultOutlier.baseEjectionMs);
  const longest = Math.max(defaultOutlier.maxEjectionMs, baseEjectionMs);
  const maxEjectionMs = duration('max_ejection_time', message.maxEjectionTime, longest);
  if (maxEjectionMs < baseEjectionMs) reader.problem(join(path, 'max_ejection_time'), 'below base_ejection_time');
  return {
    outlier: {
      consecutive5xx: message.consecutive5xx ?? 5,
      consecutiveGatewayFailure: message.consecutiveGatewayFailure ?? 5,
      consecutiveLocalOriginFailure: message.consecutiveLocalOriginFailure ?? 5,
      splitLocalOrigin: message.splitExternalLocalOriginErrors,
      enforcing5xx: percent('enforcing_consecutive_5xx', message.enforcingConsecutive5xx, 100),
      enforcingGatewayFailure: percent(
        'enforcing_consecutive_gateway_failure',
        message.enforcingConsecutiveGatewayFailure,
        0,
      ),
      enforcingLocalOriginFailure: percent(
        'enforcing_consecutive_local_origin_failure',
        message.enforcingConsecutiveLocalOriginFailure,
        100,
      ),
      intervalMs: duration('interval', message.interval, defaultOutlier.intervalMs),
      baseEjectionMs,
      maxEjectionMs,
      maxEjectionJitterMs: reader.duration(join(path, 'max_ejection_time_jitter'), message.maxEjectionTimeJitter, 0),
      maxEjectionPercent: percent(
        'max_ejection_percent',
        message.maxEjectionPercent,
        defaultOutlier.maxEjectionPercent,
      ),
      successRate: {
        minimumHosts: message.successRateMinimumHosts ?? 5,
        requestVolume: message.successRateRequestVolume ?? 100,
        // In thousandths, so that it can be an integer.
        stdevFactor: (message.successRateStdevFactor ?? 1_900) / 1_000,
        enforcing: percent('enforcing_success_rate', message.enforcingSuccessRate, 100),
        enforcingLocalOrigin: percent(
          'enforcing_local_origin_success_rate',
          message.enforcingLocalOriginSuccessRate,
          100,
        ),
      },
      failurePercentage: {
        minimumHosts: message.failurePercentageMinimumHosts ?? 5,
        requestVolume: message.failurePercentageRequestVolume ?? 50,
        threshold: percent('failure_percentage_threshold', message.failurePercentageThreshold, 85),
        enforcing: percent('enforcing_failure_percentage', message.enforcingFailurePercentage, 0),
        enforcingLocalOrigin: percent(
          'enforcing_failure_percentage_local_origin',
          message.enforcingFailurePercentageLocalOrigin,
          0,
        ),
      },
      checkReturns: message.successfulActiveHealthCheckUnejectHost ?? false,
    },
  };
}
