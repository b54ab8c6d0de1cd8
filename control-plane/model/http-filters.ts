import { z } from 'zod';
import { hostname, portNumber } from './names.ts';

/**
 * Headers that say where a message ends, which hop they are meant for, or which host is asked: a policy that wrote
 * them could split requests or walk around other policies.
 */
const protectedHeaders = [
  'host',
  'connection',
  'content-length',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/** A field name of RFC 9110. */
export const headerName = z
  .string()
  .min(1, 'must not be empty')
  .max(256, 'at most 256 characters')
  .regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]*$/, "must be a header name: letters, digits and !#$%&'*+-.^_`|~");

const editableHeaderName = headerName.refine((name) => !protectedHeaders.includes(name.toLowerCase()), {
  error: (issue) => `\`${String(issue.input)}\` belongs to the protocol and cannot be changed`,
});

const headerValue = z
  .string()
  .max(4_096, 'at most 4,096 characters')
  .regex(/^[\t\x20-\x7e]*$/, 'must be printable ASCII without line breaks');

const headerEntries = z.array(z.strictObject({ name: editableHeaderName, value: headerValue })).max(16, 'at most 16');

export const headerModifier = z.strictObject({
  set: headerEntries.optional(),
  add: headerEntries.optional(),
  remove: z.array(editableHeaderName).max(16, 'at most 16').optional(),
});

/** A path beginning with `/`, without query or fragment. */
export const absolutePath = z
  .string()
  .max(1_024, 'at most 1,024 characters')
  .regex(/^\/[\x21-\x7e]*$/, 'must begin with / and hold no space or control character')
  .regex(/^[^?#]*$/, 'must not contain ? or #')
  .refine((path) => !/\/\/|\/\.{1,2}(?:\/|$)|%2f/i.test(path), 'must not contain //, /./, /../ or %2f');

const pathModifier = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('ReplaceFullPath'), replaceFullPath: absolutePath }),
  z.strictObject({
    type: z.literal('ReplacePrefixMatch'),
    replacePrefixMatch: z.union([z.literal(''), absolutePath], { error: 'must be empty or a path beginning with /' }),
  }),
]);

const requestHeaderModifier = z.strictObject({
  type: z.literal('RequestHeaderModifier'),
  requestHeaderModifier: headerModifier,
});
const responseHeaderModifier = z.strictObject({
  type: z.literal('ResponseHeaderModifier'),
  responseHeaderModifier: headerModifier,
});

const preciseHostname = hostname.refine((name) => !name.startsWith('*'), 'must not be a wildcard');

const requestRedirect = z.strictObject({
  type: z.literal('RequestRedirect'),
  requestRedirect: z.strictObject({
    scheme: z.enum(['http', 'https']).optional(),
    hostname: preciseHostname.optional(),
    path: pathModifier.optional(),
    port: portNumber.optional(),
    /** Default 302. */
    statusCode: z
      .union([z.literal(301), z.literal(302), z.literal(303), z.literal(307), z.literal(308)], {
        error: 'must be 301, 302, 303, 307 or 308',
      })
      .optional(),
  }),
});

const urlRewrite = z.strictObject({
  type: z.literal('URLRewrite'),
  urlRewrite: z.strictObject({ hostname: preciseHostname.optional(), path: pathModifier.optional() }),
});

/** A filter of a route's rule. */
export const routeFilter = z.discriminatedUnion('type', [
  requestHeaderModifier,
  responseHeaderModifier,
  requestRedirect,
  urlRewrite,
]);

/** A filter of one backend: headers only. */
export const backendFilter = z.discriminatedUnion('type', [requestHeaderModifier, responseHeaderModifier]);

export type RouteFilter = z.infer<typeof routeFilter>;
export type HeaderModifier = z.infer<typeof headerModifier>;
export type PathModifier = z.infer<typeof pathModifier>;
