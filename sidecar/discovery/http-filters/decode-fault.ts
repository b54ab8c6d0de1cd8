import { FaultDelay, FaultRateLimit } from '../../../proto/gen/envoy/extensions/filters/common/fault/v3/fault.ts';
import { FaultAbort, HTTPFault } from '../../../proto/gen/envoy/extensions/filters/http/fault/v3/fault.ts';
import type { FractionalPercent } from '../../../proto/gen/envoy/type/v3/percent.ts';
import type { Any } from '../../../proto/gen/google/protobuf/any.ts';
import type { FaultConfig } from '../../filters/fault.ts';
import { compileValueMatch } from '../../route/match-values.ts';
import { decodeFraction } from '../decode-fraction.ts';
import { decodeHeaderMatch, requestPseudoHeaders } from '../decode-value-match.ts';
import { fieldsOf } from '../message-fields.ts';
import { join, type Reader } from '../reader.ts';
import type { DecodedOverride } from './decoded-override.ts';

const noRuntime = 'there is no runtime';

export const faultFields = fieldsOf(HTTPFault, {
  supported: [
    'delay',
    'abort',
    'upstreamCluster',
    'headers',
    'downstreamNodes',
    'maxActiveFaults',
    'responseRateLimit',
  ],
  ignored: {
    delayPercentRuntime: noRuntime,
    abortPercentRuntime: noRuntime,
    delayDurationRuntime: noRuntime,
    abortHttpStatusRuntime: noRuntime,
    maxActiveFaultsRuntime: noRuntime,
    responseRateLimitPercentRuntime: noRuntime,
    abortGrpcStatusRuntime: noRuntime,
    disableDownstreamClusterStats: 'there are no such statistics',
  },
});

export const faultDelayFields = fieldsOf(FaultDelay, {
  supported: ['faultDelaySecifier.fixedDelay', 'faultDelaySecifier.headerDelay', 'percentage'],
});

export const faultAbortFields = fieldsOf(FaultAbort, {
  supported: ['errorType.httpStatus', 'errorType.grpcStatus', 'errorType.headerAbort', 'percentage'],
});

export const faultRateLimitFields = fieldsOf(FaultRateLimit, {
  supported: ['limitType.fixedLimit', 'limitType.headerLimit', 'percentage'],
});

export function decodeFault(reader: Reader, path: string, packed: Any): FaultConfig | undefined {
  const message = reader.unpack(path, packed, HTTPFault);
  if (message === undefined) return undefined;
  reader.only(path, message, faultFields);
  return {
    kind: 'fault',
    delay: decodeDelay(reader, join(path, 'delay'), message.delay),
    abort: decodeAbort(reader, join(path, 'abort'), message.abort),
    responseRate: decodeRate(reader, join(path, 'response_rate_limit'), message.responseRateLimit),
    upstreamCluster: message.upstreamCluster,
    headers: message.headers.map((matcher, index) =>
      compileValueMatch(decodeHeaderMatch(reader, join(path, `headers[${index}]`), matcher, requestPseudoHeaders)),
    ),
    downstreamNodes: message.downstreamNodes,
    maxActive: message.maxActiveFaults,
  };
}

export function decodeFaultOverride(reader: Reader, path: string, packed: Any): DecodedOverride | undefined {
  const config = decodeFault(reader, path, packed);
  return config === undefined ? undefined : { disabled: false, config };
}

function decodeDelay(reader: Reader, path: string, message: FaultDelay | undefined): FaultConfig['delay'] {
  if (message === undefined) return undefined;
  reader.only(path, message, faultDelayFields);
  const share = shareOf(reader, path, message.percentage);
  const specifier = message.faultDelaySecifier;
  switch (specifier?.$case) {
    case 'fixedDelay': {
      const ms = reader.positiveDuration(join(path, 'fixed_delay'), specifier.value, 1);
      return { share, by: { from: 'config', ms } };
    }
    case 'headerDelay':
      return { share, by: { from: 'header' } };
    default:
      reader.problem(path, 'one of fixed_delay and header_delay must be set');
      return undefined;
  }
}

function decodeAbort(reader: Reader, path: string, message: FaultAbort | undefined): FaultConfig['abort'] {
  if (message === undefined) return undefined;
  reader.only(path, message, faultAbortFields);
  const share = shareOf(reader, path, message.percentage);
  const specifier = message.errorType;
  switch (specifier?.$case) {
    case 'httpStatus': {
      const status = specifier.value;
      if (status < 200 || status > 599) reader.problem(join(path, 'http_status'), `${status} is not from 200 to 599`);
      return { share, by: { from: 'config', status, grpcStatus: undefined } };
    }
    case 'grpcStatus':
      if (specifier.value > 16) reader.problem(join(path, 'grpc_status'), `${specifier.value} is above 16`);
      return { share, by: { from: 'config', status: 200, grpcStatus: specifier.value } };
    case 'headerAbort':
      return { share, by: { from: 'header' } };
    default:
      reader.problem(path, 'one of http_status, grpc_status and header_abort must be set');
      return undefined;
  }
}

function decodeRate(reader: Reader, path: string, message: FaultRateLimit | undefined): FaultConfig['responseRate'] {
  if (message === undefined) return undefined;
  reader.only(path, message, faultRateLimitFields);
  const share = shareOf(reader, path, message.percentage);
  const limit = message.limitType;
  switch (limit?.$case) {
    case 'fixedLimit':
      if (limit.value.limitKbps < 1) reader.problem(join(path, 'fixed_limit.limit_kbps'), 'must be above 0');
      return { share, by: { from: 'config', kibps: limit.value.limitKbps } };
    case 'headerLimit':
      return { share, by: { from: 'header' } };
    default:
      reader.problem(path, 'one of fixed_limit and header_limit must be set');
      return undefined;
  }
}

/** Without a percentage nobody is meant, as in Envoy. */
function shareOf(reader: Reader, path: string, message: FractionalPercent | undefined): number {
  return message === undefined ? 0 : decodeFraction(reader, join(path, 'percentage'), message);
}
