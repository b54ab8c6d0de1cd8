import {
  StatefulSession,
  StatefulSessionPerRoute,
} from '../../../proto/gen/envoy/extensions/filters/http/stateful_session/v3/stateful_session.ts';
import { CookieBasedSessionState } from '../../../proto/gen/envoy/extensions/http/stateful_session/cookie/v3/cookie.ts';
import { HeaderBasedSessionState } from '../../../proto/gen/envoy/extensions/http/stateful_session/header/v3/header.ts';
import { Cookie } from '../../../proto/gen/envoy/type/http/v3/cookie.ts';
import type { Any } from '../../../proto/gen/google/protobuf/any.ts';
import type { StatefulSessionConfig } from '../../filters/stateful-session.ts';
import { checkCookieText } from '../decode-hash-policy.ts';
import { fieldsOf } from '../message-fields.ts';
import { isType, join, type Reader } from '../reader.ts';
import type { DecodedOverride } from './decoded-override.ts';

export const statefulSessionFields = fieldsOf(StatefulSession, { supported: ['sessionState', 'strict'] });

export const statefulSessionPerRouteFields = fieldsOf(StatefulSessionPerRoute, {
  supported: ['override.disabled', 'override.statefulSession'],
});

export const cookieSessionFields = fieldsOf(CookieBasedSessionState, { supported: ['cookie'] });

export const headerSessionFields = fieldsOf(HeaderBasedSessionState, { supported: ['name'] });

export const sessionCookieFields = fieldsOf(Cookie, { supported: ['name', 'ttl', 'path'] });

export function decodeStatefulSession(reader: Reader, path: string, packed: Any): StatefulSessionConfig | undefined {
  const message = reader.unpack(path, packed, StatefulSession);
  return message === undefined ? undefined : readSession(reader, path, message);
}

export function decodeStatefulSessionOverride(reader: Reader, path: string, packed: Any): DecodedOverride | undefined {
  const message = reader.unpack(path, packed, StatefulSessionPerRoute);
  switch (message?.override?.$case) {
    case 'statefulSession': {
      const config = readSession(reader, join(path, 'stateful_session'), message.override.value);
      return config === undefined ? undefined : { disabled: false, config };
    }
    case 'disabled':
      if (!message.override.value) reader.problem(join(path, 'disabled'), 'must be true');
      return { disabled: true, config: undefined };
    default:
      reader.problem(join(path, 'override'), 'missing');
      return undefined;
  }
}

function readSession(reader: Reader, path: string, message: StatefulSession): StatefulSessionConfig | undefined {
  reader.only(path, message, statefulSessionFields);
  const at = join(path, 'session_state.typed_config');
  const packed = message.sessionState?.typedConfig;
  const { strict } = message;
  if (packed !== undefined && isType(packed, HeaderBasedSessionState)) {
    const header = reader.unpack(at, packed, HeaderBasedSessionState);
    const name = reader.required(join(at, 'name'), header?.name ?? '').toLowerCase();
    if (!/^[!#$%&'*+.^_`|~0-9a-z-]*$/.test(name)) reader.problem(join(at, 'name'), 'not a name of a header');
    return { kind: 'stateful-session', strict, state: { kind: 'header', name } };
  }
  if (packed === undefined || !isType(packed, CookieBasedSessionState)) {
    reader.problem(at, packed === undefined ? 'missing' : `unsupported type ${packed.typeUrl}`);
    return undefined;
  }
  const cookie = reader.unpack(at, packed, CookieBasedSessionState)?.cookie ?? Cookie.fromPartial({});
  const place = join(at, 'cookie');
  reader.only(place, cookie, sessionCookieFields);
  return {
    kind: 'stateful-session',
    strict,
    state: {
      kind: 'cookie',
      name: checkCookieText(reader, join(place, 'name'), reader.required(join(place, 'name'), cookie.name)),
      path: checkCookieText(reader, join(place, 'path'), cookie.path),
      ttlSeconds: Math.floor(reader.duration(join(place, 'ttl'), cookie.ttl, 0) / 1_000),
    },
  };
}
