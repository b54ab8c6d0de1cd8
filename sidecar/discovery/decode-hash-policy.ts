import {
  RouteAction_HashPolicy,
  RouteAction_HashPolicy_ConnectionProperties,
  RouteAction_HashPolicy_Cookie,
  RouteAction_HashPolicy_Header,
} from '../../proto/gen/envoy/config/route/v3/route_components.ts';
import type { HashPolicy } from '../route/hash-policy.ts';
import { decodeRegexRewrite } from './decode-host-rewrite.ts';
import { fieldsOf } from './message-fields.ts';
import { join, type Reader } from './reader.ts';

export const hashPolicyFields = fieldsOf(RouteAction_HashPolicy, {
  supported: [
    'policySpecifier.header',
    'policySpecifier.cookie',
    'policySpecifier.connectionProperties',
    'policySpecifier.queryParameter',
    'terminal',
  ],
});

export const headerHashFields = fieldsOf(RouteAction_HashPolicy_Header, { supported: ['headerName', 'regexRewrite'] });

export const cookieHashFields = fieldsOf(RouteAction_HashPolicy_Cookie, {
  supported: ['name', 'ttl', 'path', 'attributes'],
});

export const connectionHashFields = fieldsOf(RouteAction_HashPolicy_ConnectionProperties, { supported: ['sourceIp'] });

/** Reads `hash_policy` of a `route` action. */
export function decodeHashPolicies(
  reader: Reader,
  path: string,
  messages: readonly RouteAction_HashPolicy[],
): readonly HashPolicy[] {
  return messages.flatMap((message, index) => decodePolicy(reader, join(path, `hash_policy[${index}]`), message) ?? []);
}

function decodePolicy(reader: Reader, path: string, message: RouteAction_HashPolicy): HashPolicy | undefined {
  reader.only(path, message, hashPolicyFields);
  const { policySpecifier: specifier, terminal } = message;
  switch (specifier?.$case) {
    case 'header': {
      const at = join(path, 'header');
      reader.only(at, specifier.value, headerHashFields);
      const { headerName, regexRewrite } = specifier.value;
      return {
        kind: 'header',
        name: reader.required(join(at, 'header_name'), headerName).toLowerCase(),
        rewrite:
          regexRewrite === undefined ? undefined : decodeRegexRewrite(reader, join(at, 'regex_rewrite'), regexRewrite),
        terminal,
      };
    }
    case 'cookie':
      return { ...decodeCookie(reader, join(path, 'cookie'), specifier.value), terminal };
    case 'connectionProperties':
      reader.only(join(path, 'connection_properties'), specifier.value, connectionHashFields);
      return specifier.value.sourceIp ? { kind: 'source-ip', terminal } : undefined;
    case 'queryParameter': {
      const name = reader.required(join(path, 'query_parameter.name'), specifier.value.name);
      return { kind: 'query', name, terminal };
    }
    default:
      if (specifier === undefined) reader.problem(join(path, 'policy_specifier'), 'missing');
      return undefined;
  }
}

function decodeCookie(
  reader: Reader,
  path: string,
  message: RouteAction_HashPolicy_Cookie,
): Extract<HashPolicy, { kind: 'cookie' }> {
  reader.only(path, message, cookieHashFields);
  const name = checkCookieText(reader, join(path, 'name'), reader.required(join(path, 'name'), message.name));
  if (message.ttl === undefined) return { kind: 'cookie', name, attributes: undefined, terminal: false };
  const seconds = Math.floor(reader.duration(join(path, 'ttl'), message.ttl, 0) / 1_000);
  const others = message.attributes.map((attribute, index) => {
    const at = join(path, `attributes[${index}]`);
    return {
      name: checkCookieText(reader, join(at, 'name'), attribute.name),
      value: checkCookieText(reader, join(at, 'value'), attribute.value),
    };
  });
  return {
    kind: 'cookie',
    name,
    attributes: {
      maxAgeSeconds: seconds === 0 ? undefined : seconds,
      path: checkCookieText(reader, join(path, 'path'), message.path),
      others,
    },
    terminal: false,
  };
}

/** What goes into `set-cookie` must not end its part of it, nor the line. */
export function checkCookieText(reader: Reader, path: string, text: string): string {
  if (!/^[\x21-\x3a\x3c-\x7e]*$/.test(text)) reader.problem(path, 'only printable ASCII without spaces and semicolons');
  return text;
}
