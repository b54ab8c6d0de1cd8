import {
  RateLimit,
  RateLimit_Action,
  type RateLimit_Action_HeaderValueMatch,
  type RateLimit_Action_QueryParameterValueMatch,
} from '../../proto/gen/envoy/config/route/v3/route_components.ts';
import { compileValueMatch } from '../route/match-values.ts';
import type { RateLimitAction, RateLimitRule } from '../route/rate-limits.ts';
import { decodeHeaderMatch, decodeQueryMatch, requestPseudoHeaders } from './decode-value-match.ts';
import { fieldsOf } from './message-fields.ts';
import { join, type Reader } from './reader.ts';

export const rateLimitFields = fieldsOf(RateLimit, {
  supported: ['stage', 'actions'],
  ignored: { disableKey: 'there is no runtime' },
});

export const rateLimitActionFields = fieldsOf(RateLimit_Action, {
  supported: [
    'actionSpecifier.destinationCluster',
    'actionSpecifier.requestHeaders',
    'actionSpecifier.remoteAddress',
    'actionSpecifier.genericKey',
    'actionSpecifier.headerValueMatch',
    'actionSpecifier.maskedRemoteAddress',
    'actionSpecifier.queryParameterValueMatch',
  ],
});

/** Reads the `rate_limits` of a route or virtual host. */
export function decodeRateLimits(reader: Reader, path: string, rules: readonly RateLimit[]): RateLimitRule[] {
  return rules.map((rule, index) => {
    const at = join(path, `rate_limits[${index}]`);
    reader.only(at, rule, rateLimitFields);
    const stage = rule.stage ?? 0;
    if (stage > 10) reader.problem(join(at, 'stage'), 'above 10');
    if (rule.actions.length === 0) reader.problem(join(at, 'actions'), 'missing');
    const actions = rule.actions.flatMap(
      (action, place) => decodeAction(reader, join(at, `actions[${place}]`), action) ?? [],
    );
    return { stage, actions };
  });
}

function decodeAction(reader: Reader, path: string, action: RateLimit_Action): RateLimitAction | undefined {
  reader.only(path, action, rateLimitActionFields);
  const specifier = action.actionSpecifier;
  switch (specifier?.$case) {
    case 'destinationCluster':
      return { kind: 'destination-cluster' };
    case 'genericKey': {
      const { descriptorKey, descriptorValue } = specifier.value;
      const value = reader.required(join(path, 'generic_key.descriptor_value'), descriptorValue);
      return { kind: 'generic-key', key: descriptorKey === '' ? 'generic_key' : descriptorKey, value };
    }
    case 'requestHeaders': {
      const { headerName, descriptorKey, skipIfAbsent } = specifier.value;
      return {
        kind: 'request-header',
        name: reader.required(join(path, 'request_headers.header_name'), headerName).toLowerCase(),
        key: reader.required(join(path, 'request_headers.descriptor_key'), descriptorKey),
        skipIfAbsent,
      };
    }
    case 'remoteAddress':
      return { kind: 'remote-address' };
    case 'maskedRemoteAddress': {
      const { v4PrefixMaskLen = 32, v6PrefixMaskLen = 128 } = specifier.value;
      const at = join(path, 'masked_remote_address');
      if (v4PrefixMaskLen > 32) reader.problem(join(at, 'v4_prefix_mask_len'), 'above 32');
      if (v6PrefixMaskLen > 128) reader.problem(join(at, 'v6_prefix_mask_len'), 'above 128');
      return { kind: 'masked-remote-address', v4Bits: v4PrefixMaskLen, v6Bits: v6PrefixMaskLen };
    }
    case 'headerValueMatch':
      return headerMatch(reader, join(path, 'header_value_match'), specifier.value);
    case 'queryParameterValueMatch':
      return queryMatch(reader, join(path, 'query_parameter_value_match'), specifier.value);
    default:
      if (specifier === undefined) reader.problem(join(path, 'action_specifier'), 'missing');
      return undefined;
  }
}

function headerMatch(reader: Reader, path: string, message: RateLimit_Action_HeaderValueMatch): RateLimitAction {
  if (message.headers.length === 0) reader.problem(join(path, 'headers'), 'missing');
  return {
    kind: 'header-match',
    key: message.descriptorKey === '' ? 'header_match' : message.descriptorKey,
    value: reader.required(join(path, 'descriptor_value'), message.descriptorValue),
    expected: message.expectMatch !== false,
    headers: message.headers.map((matcher, index) =>
      compileValueMatch(decodeHeaderMatch(reader, join(path, `headers[${index}]`), matcher, requestPseudoHeaders)),
    ),
  };
}

function queryMatch(reader: Reader, path: string, message: RateLimit_Action_QueryParameterValueMatch): RateLimitAction {
  if (message.queryParameters.length === 0) reader.problem(join(path, 'query_parameters'), 'missing');
  return {
    kind: 'query-match',
    key: message.descriptorKey === '' ? 'query_match' : message.descriptorKey,
    value: reader.required(join(path, 'descriptor_value'), message.descriptorValue),
    expected: message.expectMatch !== false,
    query: message.queryParameters.map((matcher, index) =>
      compileValueMatch(decodeQueryMatch(reader, join(path, `query_parameters[${index}]`), matcher)),
    ),
  };
}
