import {
  type DirectResponseAction,
  RedirectAction_RedirectResponseCode,
  type RedirectAction as RedirectMessage,
} from '../../proto/gen/envoy/config/route/v3/route_components.ts';
import type { RedirectAction, RespondAction } from '../route/route-table.ts';
import { decodeDataSource } from './decode-data-source.ts';
import { decodeRegexRewrite } from './decode-host-rewrite.ts';
import { join, type Reader } from './reader.ts';

const statuses: Readonly<Record<number, RedirectAction['status']>> = {
  [RedirectAction_RedirectResponseCode.MOVED_PERMANENTLY]: 301,
  [RedirectAction_RedirectResponseCode.FOUND]: 302,
  [RedirectAction_RedirectResponseCode.SEE_OTHER]: 303,
  [RedirectAction_RedirectResponseCode.TEMPORARY_REDIRECT]: 307,
  [RedirectAction_RedirectResponseCode.PERMANENT_REDIRECT]: 308,
};

export function decodeRedirect(reader: Reader, path: string, message: RedirectMessage): RedirectAction {
  const status = statuses[message.responseCode];
  if (status === undefined) reader.problem(join(path, 'response_code'), 'not supported');
  if (message.portRedirect > 65_535) reader.problem(join(path, 'port_redirect'), 'not a port');
  const scheme = message.schemeRewriteSpecifier;
  return {
    kind: 'redirect',
    status: status ?? 301,
    scheme: scheme?.$case === 'schemeRedirect' ? scheme.value : scheme?.value === true ? 'https' : undefined,
    host: message.hostRedirect === '' ? undefined : message.hostRedirect,
    port: message.portRedirect === 0 ? undefined : message.portRedirect,
    path: decodePath(reader, path, message.pathRewriteSpecifier),
    stripQuery: message.stripQuery,
  };
}

function decodePath(
  reader: Reader,
  path: string,
  specifier: RedirectMessage['pathRewriteSpecifier'],
): RedirectAction['path'] {
  switch (specifier?.$case) {
    case undefined:
      return undefined;
    case 'pathRedirect':
      return { kind: 'full', value: specifier.value };
    case 'prefixRewrite':
      return { kind: 'prefix', value: specifier.value };
    case 'regexRewrite':
      return decodeRegexRewrite(reader, join(path, 'regex_rewrite'), specifier.value);
  }
}

const maxBodyBytes = 65_536;

export function decodeRespond(reader: Reader, path: string, message: DirectResponseAction): RespondAction {
  if (message.status < 200 || message.status > 599) reader.problem(join(path, 'status'), 'must be between 200 and 599');
  const body =
    message.body === undefined ? '' : decodeDataSource(reader, join(path, 'body'), message.body).toString('utf8');
  if (body.length > maxBodyBytes) reader.problem(join(path, 'body'), `longer than ${maxBodyBytes} characters`);
  return { kind: 'respond', status: message.status, body };
}
