import { accepted, type Checked, type Refused, refused } from './result.ts';

/** A SPIFFE ID taken apart. `namespace` and `serviceAccount` are there when the path is `/ns/<ns>/sa/<sa>`. */
export interface SpiffeId {
  readonly uri: string;
  readonly trustDomain: string;
  /** Empty for the id of a trust domain itself, otherwise begins with `/`. */
  readonly path: string;
  readonly namespace: string | undefined;
  readonly serviceAccount: string | undefined;
}

const scheme = 'spiffe://';
const maxIdBytes = 2048;
const maxTrustDomainBytes = 255;
const trustDomainPattern = /^[a-z0-9._-]+$/;
const segmentPattern = /^[a-zA-Z0-9._-]+$/;
const workloadPattern = /^\/ns\/([^/]+)\/sa\/([^/]+)$/;

/**
 * Reads a SPIFFE ID to the letter of the SPIFFE-ID specification §2: lower-case scheme and trust domain, no
 * port, user, query, fragment or percent-encoding, no empty or relative segment, at most 2,048 bytes.
 */
export function parseSpiffeId(uri: string): Checked<SpiffeId, 'bad-spiffe-id'> {
  if (uri.length > maxIdBytes) return bad(`longer than ${maxIdBytes} bytes`);
  if (!uri.startsWith(scheme)) return bad('scheme is not "spiffe"');
  const slash = uri.indexOf('/', scheme.length);
  const trustDomain = slash < 0 ? uri.slice(scheme.length) : uri.slice(scheme.length, slash);
  const path = slash < 0 ? '' : uri.slice(slash);
  const domainFault = trustDomainFault(trustDomain);
  if (domainFault !== undefined) return bad(domainFault);
  const pathFault = path === '' ? undefined : faultOfPath(path);
  if (pathFault !== undefined) return bad(pathFault);
  const [, namespace, serviceAccount] = workloadPattern.exec(path) ?? [];
  return accepted({ uri, trustDomain, path, namespace, serviceAccount });
}

/** `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`, or why these names make none. */
export function formatSpiffeId(
  trustDomain: string,
  namespace: string,
  serviceAccount: string,
): Checked<string, 'bad-spiffe-id'> {
  for (const name of [namespace, serviceAccount]) {
    const fault = segmentFault(name);
    if (fault !== undefined) return bad(fault);
  }
  const parsed = parseSpiffeId(`${scheme}${trustDomain}/ns/${namespace}/sa/${serviceAccount}`);
  return parsed.ok ? accepted(parsed.value.uri) : parsed;
}

function trustDomainFault(name: string): string | undefined {
  if (name === '') return 'trust domain is empty';
  if (name.length > maxTrustDomainBytes) return `trust domain is longer than ${maxTrustDomainBytes} bytes`;
  if (!trustDomainPattern.test(name)) return 'trust domain has a character other than a-z, 0-9, ".", "-", "_"';
  return undefined;
}

function faultOfPath(path: string): string | undefined {
  for (const segment of path.slice(1).split('/')) {
    const fault = segmentFault(segment);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function segmentFault(segment: string): string | undefined {
  if (segment === '') return 'path has an empty segment or a trailing slash';
  if (segment === '.' || segment === '..') return 'path has a relative segment';
  if (!segmentPattern.test(segment)) return 'path has a character other than letters, digits, ".", "-", "_"';
  return undefined;
}

function bad(detail: string): Refused<'bad-spiffe-id'> {
  return refused('bad-spiffe-id', detail);
}
