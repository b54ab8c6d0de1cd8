import { type TypeUrl, typeUrls } from './resource.ts';

/**
 * The order of make-before-break: clusters before the endpoints in them, both before listeners and routes that send
 * there; what nobody refers to any more goes last
 * (https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#eventual-consistency-considerations).
 */
export const sendOrder: readonly TypeUrl[] = [
  typeUrls.cluster,
  typeUrls.endpoint,
  typeUrls.secret,
  typeUrls.listener,
  typeUrls.route,
];

/** Additions and changes of a type wait until the proxy has taken those of these types. */
export const waitsFor: Readonly<Record<TypeUrl, readonly TypeUrl[]>> = {
  [typeUrls.cluster]: [],
  [typeUrls.endpoint]: [],
  [typeUrls.secret]: [],
  [typeUrls.listener]: [typeUrls.cluster, typeUrls.endpoint],
  [typeUrls.route]: [typeUrls.cluster, typeUrls.endpoint],
};

/** Removals of a type wait until the proxy has taken everything of the types that may refer to it. */
export const referredToBy: Readonly<Record<TypeUrl, readonly TypeUrl[]>> = {
  [typeUrls.cluster]: [typeUrls.listener, typeUrls.route],
  [typeUrls.endpoint]: [typeUrls.cluster],
  [typeUrls.secret]: [typeUrls.cluster, typeUrls.listener],
  [typeUrls.listener]: [],
  [typeUrls.route]: [typeUrls.listener],
};

/** Types whose state-of-the-world response is always the whole set, and which an empty list of names subscribes to. */
export const wholeSetTypes: ReadonlySet<TypeUrl> = new Set([typeUrls.cluster, typeUrls.listener]);

/** The names of the types as people know them. */
export const shortNames: Readonly<Record<TypeUrl, string>> = {
  [typeUrls.cluster]: 'CDS',
  [typeUrls.endpoint]: 'EDS',
  [typeUrls.secret]: 'SDS',
  [typeUrls.listener]: 'LDS',
  [typeUrls.route]: 'RDS',
};

export function isKnownType(typeUrl: string): typeUrl is TypeUrl {
  return Object.hasOwn(shortNames, typeUrl);
}
