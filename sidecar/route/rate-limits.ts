import { isAddress, maskAddress } from '../../lib/ip-address.ts';
import type { RequestHead } from '../stream/head.ts';
import { matchHeaders, matchQuery } from './match-values.ts';
import type { ValueMatch } from './route-table.ts';

/** How a route describes its requests to rate limits (`envoy.config.route.v3.RateLimit`). */
export interface RateLimitRule {
  /** For filters of the same stage, 0 to 10. */
  stage: number;
  /** At least one. Each adds an entry; where one cannot, there is no descriptor. */
  actions: readonly RateLimitAction[];
}

export type RateLimitAction =
  | { kind: 'destination-cluster' }
  | { kind: 'generic-key'; key: string; value: string }
  | { kind: 'request-header'; name: string; key: string; skipIfAbsent: boolean }
  | { kind: 'remote-address' }
  | { kind: 'masked-remote-address'; v4Bits: number; v6Bits: number }
  | { kind: 'header-match'; key: string; value: string; expected: boolean; headers: readonly ValueMatch[] }
  | { kind: 'query-match'; key: string; value: string; expected: boolean; query: readonly ValueMatch[] };

export interface DescriptorEntry {
  readonly key: string;
  readonly value: string;
}

/** What a request is, besides its head. */
export interface RateLimitSubject {
  readonly head: RequestHead;
  readonly cluster: string;
  /** Address of the connection's other end, with its port. */
  readonly downstreamAddress: string;
}

/** The descriptor that a rule makes of a request; `undefined` for none. */
export function describeRequest(rule: RateLimitRule, subject: RateLimitSubject): DescriptorEntry[] | undefined {
  const entries: DescriptorEntry[] = [];
  for (const action of rule.actions) {
    const entry = entryOf(action, subject);
    if (entry === 'skip') continue;
    if (entry === undefined) return undefined;
    entries.push(entry);
  }
  return entries.length === 0 ? undefined : entries;
}

function entryOf(action: RateLimitAction, subject: RateLimitSubject): DescriptorEntry | 'skip' | undefined {
  const { head } = subject;
  switch (action.kind) {
    case 'destination-cluster':
      return subject.cluster === '' ? undefined : { key: 'destination_cluster', value: subject.cluster };
    case 'generic-key':
      return { key: action.key, value: action.value };
    case 'request-header': {
      const value = head.headers.get(action.name) ?? pseudoHeader(head, action.name);
      if (value !== undefined) return { key: action.key, value };
      return action.skipIfAbsent ? 'skip' : undefined;
    }
    case 'remote-address':
      return { key: 'remote_address', value: trustedAddress(subject) };
    case 'masked-remote-address': {
      const value = maskAddress(trustedAddress(subject), action.v4Bits, action.v6Bits);
      return value === undefined ? undefined : { key: 'masked_remote_address', value };
    }
    case 'header-match':
      return matchHeaders(action.headers, head) === action.expected ? pick(action) : undefined;
    case 'query-match':
      return matchQuery(action.query, queryOf(head.path)) === action.expected ? pick(action) : undefined;
  }
}

function pick({ key, value }: DescriptorEntry): DescriptorEntry {
  return { key, value };
}

function pseudoHeader(head: RequestHead, name: string): string | undefined {
  if (name === ':path') return head.path;
  if (name === ':method') return head.method;
  return name === ':authority' ? head.authority : undefined;
}

/**
 * Who asks: the last address in `x-forwarded-for`, which is the one that the hop before this one saw and, at the edge,
 * the only one; without it the connection's other end.
 */
function trustedAddress({ head, downstreamAddress }: RateLimitSubject): string {
  const { names, values } = head.headers;
  const index = names.lastIndexOf('x-forwarded-for');
  if (index >= 0) {
    const value = values[index] as string;
    const last = value.slice(value.lastIndexOf(',') + 1).trim();
    if (isAddress(last)) return last;
  }
  const colon = downstreamAddress.lastIndexOf(':');
  return colon < 0 ? downstreamAddress : downstreamAddress.slice(0, colon);
}

function queryOf(path: string): string {
  const at = path.indexOf('?');
  return at < 0 ? '' : path.slice(at + 1);
}
