import {
  AdmissionControl,
  AdmissionControl_SuccessCriteria,
} from '../../../proto/gen/envoy/extensions/filters/http/admission_control/v3/admission_control.ts';
import type { Any } from '../../../proto/gen/google/protobuf/any.ts';
import type { AdmissionControlConfig } from '../../filters/admission-control/admission-control.ts';
import { fieldsOf } from '../message-fields.ts';
import { join, type Reader } from '../reader.ts';
import { decodePercent } from './decode-percent.ts';

export const admissionControlFields = fieldsOf(AdmissionControl, {
  supported: [
    'enabled',
    'evaluationCriteria.successCriteria',
    'samplingWindow',
    'aggression',
    'srThreshold',
    'rpsThreshold',
    'maxRejectionProbability',
  ],
});

export const successCriteriaFields = fieldsOf(AdmissionControl_SuccessCriteria, {
  supported: ['httpCriteria', 'grpcCriteria'],
});

/** Envoy's: all but those that tell of the server's state (4, 8, 10, 13, 14, 15). */
const defaultGrpcSuccess = [0, 1, 2, 3, 5, 6, 7, 9, 11, 12, 16];

/** `undefined` where it is not enabled: there is nothing to do then. */
export function decodeAdmissionControl(reader: Reader, path: string, packed: Any): AdmissionControlConfig | undefined {
  const message = reader.unpack(path, packed, AdmissionControl);
  if (message === undefined) return undefined;
  reader.only(path, message, admissionControlFields);
  const criteria = message.evaluationCriteria?.value;
  if (criteria === undefined) reader.problem(join(path, 'success_criteria'), 'missing');
  else reader.only(join(path, 'success_criteria'), criteria, successCriteriaFields);
  const threshold = decodePercent(
    reader,
    join(path, 'sr_threshold.default_value'),
    message.srThreshold?.defaultValue,
    0.95,
  );
  if (threshold < 0.01) reader.problem(join(path, 'sr_threshold.default_value'), 'below 1');
  if (message.enabled?.defaultValue === false) return undefined;
  return {
    kind: 'admission-control',
    windowMs: reader.positiveDuration(join(path, 'sampling_window'), message.samplingWindow, 30_000),
    // Envoy raises what is less.
    aggression: Math.max(1, message.aggression?.defaultValue ?? 1),
    successThreshold: threshold,
    minRequestsPerSecond: message.rpsThreshold?.defaultValue ?? 0,
    maxRejection: decodePercent(
      reader,
      join(path, 'max_rejection_probability.default_value'),
      message.maxRejectionProbability?.defaultValue,
      0.8,
    ),
    httpSuccess: decodeHttp(reader, join(path, 'success_criteria.http_criteria'), criteria),
    grpcSuccess: criteria?.grpcCriteria?.grpcSuccessStatus ?? defaultGrpcSuccess,
  };
}

function decodeHttp(
  reader: Reader,
  path: string,
  criteria: AdmissionControl_SuccessCriteria | undefined,
): AdmissionControlConfig['httpSuccess'] {
  const ranges = criteria?.httpCriteria?.httpSuccessStatus;
  if (ranges === undefined) return [{ start: 100, end: 500 }];
  return ranges.map(({ start, end }, index) => {
    if (start < 100 || end > 600 || start >= end) {
      reader.problem(join(path, `http_success_status[${index}]`), 'not a range of statuses from 100 to 600');
    }
    return { start, end };
  });
}
