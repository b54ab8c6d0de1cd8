import type { AlternativeName } from '../../certs/alternative-names.ts';
import { ipBytes } from '../net/ip-range.ts';

/** A name that the certificate of a server outside the mesh may have (`match_typed_subject_alt_names`). */
export interface ServerNameMatch {
  readonly type: AlternativeName['type'];
  readonly match:
    | { readonly kind: 'exact' | 'prefix' | 'suffix' | 'contains'; readonly value: string }
    /** Anchored at both ends. */
    | { readonly kind: 'regex'; readonly value: RegExp };
  readonly ignoreCase?: boolean;
}

/** Whether one of the names is one of those wanted. An exact DNS name is also met by `*.` in place of its first label. */
export function matchesServerName(wanted: readonly ServerNameMatch[], names: readonly AlternativeName[]): boolean {
  return wanted.some((one) => names.some((name) => name.type === one.type && matches(one, name.value)));
}

function matches({ type, match, ignoreCase }: ServerNameMatch, value: string): boolean {
  if (match.kind === 'regex') return match.value.test(value);
  if (match.kind === 'exact' && type === 'ip') return sameAddress(match.value, value);
  if (match.kind === 'exact' && type === 'dns') return dnsNameCovers(value, match.value);
  // Names in DNS have no case.
  const fold = ignoreCase === true || type === 'dns';
  const [text, part] = fold ? [value.toLowerCase(), match.value.toLowerCase()] : [value, match.value];
  switch (match.kind) {
    case 'exact':
      return text === part;
    case 'prefix':
      return text.startsWith(part);
    case 'suffix':
      return text.endsWith(part);
    case 'contains':
      return text.includes(part);
  }
}

/** RFC 6125 section 6.4.3: a wildcard is a whole first label, and stands for exactly one. */
export function dnsNameCovers(presented: string, wanted: string): boolean {
  const [name, host] = [presented.toLowerCase(), wanted.toLowerCase()];
  if (name === host) return true;
  if (!name.startsWith('*.') || name.indexOf('.', 2) < 0) return false;
  const dot = host.indexOf('.');
  return dot > 0 && host.slice(dot) === name.slice(1);
}

function sameAddress(wanted: string, presented: string): boolean {
  const bytes = ipBytes(wanted);
  return bytes !== undefined && Buffer.from(bytes).toString('latin1') === presented;
}
