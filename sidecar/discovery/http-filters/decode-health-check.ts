import { HealthCheck } from '../../../proto/gen/envoy/extensions/filters/http/health_check/v3/health_check.ts';
import type { Any } from '../../../proto/gen/google/protobuf/any.ts';
import type { HealthCheckFilterConfig } from '../../filters/health-check.ts';
import { compileValueMatch } from '../../route/match-values.ts';
import { decodeHeaderMatch, requestPseudoHeaders } from '../decode-value-match.ts';
import { fieldsOf } from '../message-fields.ts';
import { join, type Reader } from '../reader.ts';

export const healthCheckFilterFields = fieldsOf(HealthCheck, {
  supported: ['passThroughMode', 'headers'],
  limits: { passThroughMode: 'only false' },
});

export function decodeHealthCheck(reader: Reader, path: string, packed: Any): HealthCheckFilterConfig | undefined {
  const message = reader.unpack(path, packed, HealthCheck);
  if (message === undefined) return undefined;
  reader.only(path, message, healthCheckFilterFields);
  if (message.passThroughMode === undefined) reader.problem(join(path, 'pass_through_mode'), 'missing');
  if (message.passThroughMode === true) reader.problem(join(path, 'pass_through_mode'), 'true is not supported');
  // Without any, every request would be one.
  if (message.headers.length === 0) reader.problem(join(path, 'headers'), 'missing');
  return {
    kind: 'health-check',
    headers: message.headers.map((matcher, index) =>
      compileValueMatch(decodeHeaderMatch(reader, join(path, `headers[${index}]`), matcher, requestPseudoHeaders)),
    ),
  };
}
