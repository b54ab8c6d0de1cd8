import type { Random } from '../../lib/random.ts';
import { combineHashes, type Hash64 } from '../balance/hash64.ts';
import { xxHash64 } from '../balance/xx-hash.ts';
import type { RequestHead } from '../stream/head.ts';
import { type CookieAttributes, cookieValue, setCookie } from './cookie-value.ts';
import { headerValue, queryValue } from './match-values.ts';
import { replaceRegex } from './rewrite-path.ts';
import type { RegexRewrite } from './route-table.ts';
import { splitPort } from './split-port.ts';

/** What of a request decides where it goes (`RouteAction.HashPolicy`). */
export type HashPolicy = {
  /** With a hash found so far, the policies that follow are not looked at. */
  readonly terminal: boolean;
} & (
  | { readonly kind: 'header'; readonly name: string; readonly rewrite: RegexRewrite | undefined }
  /** With `attributes`, a client without the cookie is given one. */
  | { readonly kind: 'cookie'; readonly name: string; readonly attributes: CookieAttributes | undefined }
  | { readonly kind: 'source-ip' }
  | { readonly kind: 'query'; readonly name: string }
);

export interface RequestHash {
  hash: Hash64 | undefined;
  /** Value of `set-cookie` for the response, when the client was given a cookie. */
  setCookie: string | undefined;
}

/** The hash of a request, as Envoy makes it. `downstreamAddress` is `address:port`; chance makes new cookies. */
export function hashRequest(
  policies: readonly HashPolicy[],
  head: RequestHead,
  downstreamAddress: string,
  random: Random,
): RequestHash {
  const result: RequestHash = { hash: undefined, setCookie: undefined };
  for (const policy of policies) {
    const found = hashBy(policy, head, downstreamAddress, random, result);
    if (found !== undefined) result.hash = combineHashes(result.hash, found);
    if (policy.terminal && result.hash !== undefined) break;
  }
  return result;
}

function hashBy(
  policy: HashPolicy,
  head: RequestHead,
  downstreamAddress: string,
  random: Random,
  result: RequestHash,
): Hash64 | undefined {
  switch (policy.kind) {
    case 'header':
      return hashHeader(head, policy.name, policy.rewrite);
    case 'cookie': {
      const value = cookieValue(head.headers, policy.name);
      if (value !== '') return xxHash64(value);
      if (policy.attributes === undefined) return undefined;
      const made = newValue(random);
      result.setCookie = setCookie(policy.name, made, policy.attributes);
      return xxHash64(made);
    }
    case 'source-ip':
      return downstreamAddress === '' ? undefined : xxHash64(withoutPort(downstreamAddress));
    case 'query': {
      const at = head.path.indexOf('?');
      const value = at < 0 ? undefined : queryValue(head.path.slice(at + 1), policy.name);
      return value === undefined ? undefined : xxHash64(value);
    }
  }
}

/** Several values count alike in any order. */
function hashHeader(head: RequestHead, name: string, rewrite: RegexRewrite | undefined): Hash64 | undefined {
  const pseudo = name.startsWith(':') || name === 'host' ? headerValue(head, name) : undefined;
  const sent = pseudo === undefined ? head.headers.getAll(name) : [pseudo];
  const values = rewrite === undefined ? sent : sent.map((value) => replaceRegex(value, rewrite));
  const [first, ...others] = values.length > 1 ? values.sort() : values;
  if (first === undefined) return undefined;
  return others.reduce((hash, value) => xxHash64(value, hash.low, hash.high), xxHash64(first));
}

function withoutPort(address: string): string {
  const host = address.slice(0, splitPort(address));
  return host.startsWith('[') ? host.slice(1, -1) : host;
}

function newValue(random: Random): string {
  const part = () =>
    Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0');
  return part() + part();
}
