import {
  Cors,
  CorsPolicy as CorsPolicyMessage,
} from '../../../proto/gen/envoy/extensions/filters/http/cors/v3/cors.ts';
import type { Any } from '../../../proto/gen/google/protobuf/any.ts';
import type { CorsConfig } from '../../filters/cors.ts';
import { compileText } from '../../route/match-values.ts';
import { decodeRuntimeFraction } from '../decode-fraction.ts';
import { decodeStringMatch } from '../decode-value-match.ts';
import { fieldsOf } from '../message-fields.ts';
import { join, type Reader } from '../reader.ts';
import type { DecodedOverride } from './decoded-override.ts';

export const corsFields = fieldsOf(Cors, { supported: [] });

export const corsPolicyFields = fieldsOf(CorsPolicyMessage, {
  supported: [
    'allowOriginStringMatch',
    'allowMethods',
    'allowHeaders',
    'exposeHeaders',
    'maxAge',
    'allowCredentials',
    'filterEnabled',
    'allowPrivateNetworkAccess',
    'forwardNotMatchingPreflights',
  ],
});

export function decodeCors(reader: Reader, path: string, packed: Any): CorsConfig | undefined {
  return reader.unpack(path, packed, Cors) === undefined ? undefined : { kind: 'cors' };
}

export function decodeCorsPolicy(reader: Reader, path: string, packed: Any): DecodedOverride | undefined {
  const message = reader.unpack(path, packed, CorsPolicyMessage);
  if (message === undefined) return undefined;
  reader.only(path, message, corsPolicyFields);
  const texts = {
    allow_methods: message.allowMethods,
    allow_headers: message.allowHeaders,
    expose_headers: message.exposeHeaders,
    max_age: message.maxAge,
  };
  for (const [field, value] of Object.entries(texts)) {
    if (!/^[\t\x20-\x7e]*$/.test(value)) reader.problem(join(path, field), 'not a header value');
  }
  return {
    disabled: false,
    config: {
      kind: 'cors',
      origins: message.allowOriginStringMatch.map((matcher, index) =>
        compileText(decodeStringMatch(reader, join(path, `allow_origin_string_match[${index}]`), matcher)),
      ),
      allowMethods: message.allowMethods,
      allowHeaders: message.allowHeaders,
      exposeHeaders: message.exposeHeaders,
      maxAge: message.maxAge,
      allowCredentials: message.allowCredentials === true,
      allowPrivateNetwork: message.allowPrivateNetworkAccess === true,
      forwardOthers: message.forwardNotMatchingPreflights !== false,
      enabled: decodeRuntimeFraction(reader, join(path, 'filter_enabled'), message.filterEnabled),
    },
  };
}
