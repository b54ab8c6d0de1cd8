import { z } from 'zod';
import { duration, parseDuration } from './duration.ts';
import { absolutePath, backendFilter, headerName, routeFilter } from './http-filters.ts';
import { metadata, status } from './metadata.ts';
import { dnsLabel, dnsSubdomain, hostname, portNumber, refuseDuplicates, sectionName } from './names.ts';
import { regex } from './regex.ts';

const parentRef = z
  .strictObject({
    /** Default gateway.networking.k8s.io; empty for a Service. */
    group: z.enum(['', 'gateway.networking.k8s.io', 'core']).optional(),
    /** Default Gateway. */
    kind: z.enum(['Gateway', 'Service']).optional(),
    /** Default: the route's own. */
    namespace: dnsLabel.optional(),
    name: dnsSubdomain,
    /** A Gateway's listener, or a Service's port, by name. */
    sectionName: sectionName.optional(),
    port: portNumber.optional(),
  })
  .superRefine((ref, ctx) => {
    if (ref.kind === 'Service' && ref.group === 'gateway.networking.k8s.io') {
      ctx.addIssue({ code: 'custom', path: ['group'], message: 'a Service is of group ""' });
    }
    if (ref.kind !== 'Service' && (ref.group === '' || ref.group === 'core')) {
      ctx.addIssue({ code: 'custom', path: ['group'], message: 'a Gateway is of group gateway.networking.k8s.io' });
    }
  });

const path = z
  .strictObject({
    /** Default PathPrefix. */
    type: z.enum(['Exact', 'PathPrefix', 'RegularExpression']).optional(),
    /** Default `/`. */
    value: z.string().optional(),
  })
  .superRefine(
    (match, ctx) => {
      const checked = (match.type === 'RegularExpression' ? regex : absolutePath).safeParse(match.value ?? '/');
      for (const issue of checked.error?.issues ?? []) {
        ctx.addIssue({ code: 'custom', path: ['value'], message: issue.message });
      }
    },
    // Also when the type is not one: a person wants to hear of both.
    { when: ({ value }) => typeof (value as { value?: unknown } | undefined)?.value === 'string' },
  );

const matchValue = z.string().min(1, 'must not be empty').max(4_096, 'at most 4,096 characters');

function checkValue(match: { type?: string | undefined; value: string }, ctx: z.RefinementCtx): void {
  if (match.type !== 'RegularExpression') return;
  for (const issue of regex.safeParse(match.value).error?.issues ?? []) {
    ctx.addIssue({ code: 'custom', path: ['value'], message: issue.message });
  }
}

const matchType = z.enum(['Exact', 'RegularExpression']).optional();
const headerMatch = z.strictObject({ type: matchType, name: headerName, value: matchValue }).superRefine(checkValue);
const queryMatch = z
  .strictObject({
    type: matchType,
    name: z.string().min(1, 'must not be empty').max(256),
    value: matchValue.max(1_024),
  })
  .superRefine(checkValue);

const match = z.strictObject({
  path: path.optional(),
  headers: z.array(headerMatch).max(16, 'at most 16').optional(),
  queryParams: z.array(queryMatch).max(16, 'at most 16').optional(),
  method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH']).optional(),
});

const backendRef = z.strictObject({
  group: z.enum(['', 'core']).optional(),
  kind: z.literal('Service', { error: 'only Service is supported' }).optional(),
  namespace: dnsLabel.optional(),
  name: dnsLabel,
  port: portNumber.optional(),
  /** Default 1. */
  weight: z
    .number()
    .int('must be a whole number')
    .min(0, 'must be 0 to 1000000')
    .max(1_000_000, 'must be 0 to 1000000')
    .optional(),
  filters: z.array(backendFilter).max(16, 'at most 16').optional(),
});

/** An hour is the longest time-out; `0s` switches it off. */
const timeout = duration(0, 3_600_000);

const rule = z
  .strictObject({
    name: sectionName.optional(),
    matches: z.array(match).max(64, 'at most 64 matches').optional(),
    filters: z.array(routeFilter).max(16, 'at most 16 filters').optional(),
    backendRefs: z.array(backendRef).max(16, 'at most 16 backends').optional(),
    timeouts: z.strictObject({ request: timeout.optional(), backendRequest: timeout.optional() }).optional(),
  })
  .superRefine(checkRule);

/** Rules between fields of a rule that the Gateway API states in CEL. */
function checkRule(value: z.infer<typeof rule>, ctx: z.RefinementCtx): void {
  const problem = (at: (string | number)[], message: string) => ctx.addIssue({ code: 'custom', path: at, message });
  const filters = value.filters ?? [];
  refuseDuplicates(
    filters,
    (filter) => filter.type,
    (index, key) => problem(['filters', index, 'type'], `${key} appears twice`),
  );
  const redirect = filters.findIndex((filter) => filter.type === 'RequestRedirect');
  const rewrite = filters.findIndex((filter) => filter.type === 'URLRewrite');
  if (redirect >= 0 && rewrite >= 0) problem(['filters', rewrite], 'RequestRedirect and URLRewrite exclude each other');
  if (redirect >= 0 && (value.backendRefs ?? []).length > 0) {
    problem(['backendRefs'], 'a rule with RequestRedirect has no backendRefs');
  }
  filters.forEach((filter, index) => {
    const [field, modifier] =
      filter.type === 'RequestRedirect'
        ? ['requestRedirect', filter.requestRedirect.path]
        : ['urlRewrite', filter.type === 'URLRewrite' ? filter.urlRewrite.path : undefined];
    if (modifier?.type !== 'ReplacePrefixMatch') return;
    const matches = value.matches ?? [];
    if (matches.length > 0 && matches.some((item) => (item.path?.type ?? 'PathPrefix') !== 'PathPrefix')) {
      problem(['filters', index, field as string, 'path'], 'ReplacePrefixMatch needs path matches of type PathPrefix');
    }
  });
  const request = parseDuration(value.timeouts?.request ?? '0s') ?? 0;
  const backend = parseDuration(value.timeouts?.backendRequest ?? '0s') ?? 0;
  if (request > 0 && backend > request) {
    problem(['timeouts', 'backendRequest'], 'must not be longer than timeouts.request');
  }
}

/** `HTTPRoute` (gateway.networking.k8s.io/v1). A parent of kind Service makes it a route of the mesh (GAMMA). */
export const httpRouteSchema = z.strictObject({
  apiVersion: z.literal('gateway.networking.k8s.io/v1'),
  kind: z.literal('HTTPRoute'),
  metadata: metadata(dnsSubdomain),
  spec: z.strictObject({
    parentRefs: z.array(parentRef).min(1, 'at least one parent').max(32, 'at most 32 parents'),
    hostnames: z.array(hostname).max(16, 'at most 16 hostnames').optional(),
    rules: z.array(rule).min(1, 'at least one rule').max(16, 'at most 16 rules'),
  }),
  status,
});

export type HttpRoute = z.infer<typeof httpRouteSchema>;
export type HttpRouteRule = HttpRoute['spec']['rules'][number];
export type ParentRef = HttpRoute['spec']['parentRefs'][number];
