import type { StreamInfo } from '../observe/stream-info.ts';
import type { RequestHead, ResponseHead } from '../stream/head.ts';
import { formatResponseFlags } from '../stream/response-flags.ts';
import { formatTime } from './format-time.ts';
import type { HeaderOperator, HeaderTemplate } from './route-table.ts';
import { splitPort } from './split-port.ts';

export type CompiledTemplate =
  | { readonly ok: true; readonly value: HeaderTemplate }
  /** What is wrong, for people. */
  | { readonly ok: false; readonly problem: string };

const operatorSyntax = /%(?:%|(?<name>[A-Z0-9_]+)(?:\((?<argument>[^()]*)\))?(?::(?<length>\d{1,4}))?%)/g;

/**
 * Compiles Envoy's command operators in a header value, when configuration changes: `%NAME%`, `%NAME(argument)%`,
 * `%NAME(argument):maxLength%`; `%%` is a per cent sign. {@link operatorNames} lists what is understood.
 */
export function compileHeaderTemplate(text: string): CompiledTemplate {
  if (!text.includes('%')) return { ok: true, value: text };
  const parts: (string | HeaderOperator)[] = [];
  let literal = '';
  let from = 0;
  for (const match of text.matchAll(operatorSyntax)) {
    literal += text.slice(from, match.index);
    from = match.index + match[0].length;
    if (match[0] === '%%') {
      literal += '%';
      continue;
    }
    const { name = '', argument, length } = match.groups ?? {};
    const operator = operatorOf(name, argument);
    if (operator === undefined) return { ok: false, problem: `${match[0]} is not supported; ${known}` };
    if (literal !== '') parts.push(literal);
    literal = '';
    parts.push(length === undefined ? operator : shortened(operator, Number(length)));
  }
  literal += text.slice(from);
  if (text.replace(operatorSyntax, '').includes('%')) {
    return { ok: false, problem: 'has a "%" that begins no command operator; write %% for the character' };
  }
  if (parts.length === 0) return { ok: true, value: literal };
  if (literal !== '') parts.push(literal);
  return { ok: true, value: parts };
}

type Simple = (info: StreamInfo) => string;

const simple: Readonly<Record<string, Simple>> = {
  DOWNSTREAM_REMOTE_ADDRESS: (info) => info.downstreamAddress,
  DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: (info) => hostOf(info.downstreamAddress),
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS: (info) => info.downstreamAddress,
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT: (info) => hostOf(info.downstreamAddress),
  DOWNSTREAM_REMOTE_PORT: (info) => info.downstreamAddress.slice(splitPort(info.downstreamAddress) + 1),
  DOWNSTREAM_PEER_URI_SAN: (info) => info.downstreamPeer,
  UPSTREAM_PEER_URI_SAN: (info) => info.upstreamPeer,
  UPSTREAM_HOST: (info) => info.upstreamAddress,
  UPSTREAM_REMOTE_ADDRESS: (info) => info.upstreamAddress,
  UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: (info) => hostOf(info.upstreamAddress),
  UPSTREAM_CLUSTER: (info) => info.cluster,
  UPSTREAM_REQUEST_ATTEMPT_COUNT: (info) => String(info.attemptCount),
  ROUTE_NAME: (info) => info.route,
  PROTOCOL: (info) => `HTTP/${info.protocol}`,
  RESPONSE_FLAGS: (info) => formatResponseFlags(info.flags),
  RESPONSE_CODE_DETAILS: (info) => info.reason,
  STREAM_ID: (info) => info.requestId,
  TRACE_ID: (info) => info.trace?.traceId ?? '',
};

/** The command operators that a header value may hold. */
export const operatorNames: readonly string[] = ['REQ(X?Y)', 'RESP(X?Y)', 'RESPONSE_CODE', 'START_TIME(format)'].concat(
  Object.keys(simple),
);
const known = `known are ${operatorNames.join(', ')}`;

function operatorOf(name: string, argument: string | undefined): HeaderOperator | undefined {
  if (name === 'REQ' || name === 'RESP') return argument === undefined ? undefined : fieldOperator(name, argument);
  if (name === 'START_TIME') {
    const format = argument ?? '';
    return formatTime(format, 0) === undefined ? undefined : (info) => formatTime(format, info.startWallTime) ?? '';
  }
  if (argument !== undefined) return undefined;
  if (name === 'RESPONSE_CODE') return (_info, _request, response) => String(response?.status ?? 0);
  return Object.hasOwn(simple, name) ? simple[name] : undefined;
}

/** `X?Y`: the field X, or Y where X is not there. */
function fieldOperator(side: 'REQ' | 'RESP', argument: string): HeaderOperator | undefined {
  const [first = '', second, ...more] = argument.toLowerCase().split('?');
  if (first === '' || second === '' || more.length > 0) return undefined;
  if (side === 'RESP') {
    return (_info, _request, response) => responseField(response, first) ?? responseField(response, second) ?? '';
  }
  return (_info, request) => requestField(request, first) ?? requestField(request, second) ?? '';
}

function requestField(head: RequestHead, name: string | undefined): string | undefined {
  switch (name) {
    case undefined:
      return undefined;
    case ':method':
      return head.method;
    case ':path':
      return head.path;
    case ':scheme':
      return head.scheme;
    case ':authority':
    case 'host':
      return head.authority;
    default:
      return head.headers.get(name);
  }
}

function responseField(head: ResponseHead | undefined, name: string | undefined): string | undefined {
  if (head === undefined || name === undefined) return undefined;
  return name === ':status' ? String(head.status) : head.headers.get(name);
}

function shortened(operator: HeaderOperator, length: number): HeaderOperator {
  return (info, request, response) => operator(info, request, response).slice(0, length);
}

function hostOf(address: string): string {
  return address.slice(0, splitPort(address));
}
