import { z } from 'zod';
import { duration } from './duration.ts';
import { metadata, status } from './metadata.ts';
import { dnsLabel, dnsSubdomain } from './names.ts';

/** The namespace whose policies without a target hold for the whole mesh. */
export const meshNamespace = 'heddle-system';

/** Envoy's `retry_on` words that the proxies understand. */
export const retryConditions = [
  'connect-failure',
  'refused-stream',
  'reset-before-request',
  'reset',
  '5xx',
  'gateway-error',
  'retriable-status-codes',
] as const;

const hour = 3_600_000;
const limit = z
  .number()
  .int('must be a whole number')
  .min(1, 'must be 1 to 1000000')
  .max(1_000_000, 'must be 1 to 1000000');

const targetRef = z.strictObject({
  group: z.literal('', { error: 'Service and Namespace are of group ""' }).optional(),
  kind: z.enum(['Service', 'Namespace']),
  name: dnsLabel,
});

/** `TrafficPolicy` (heddle.dev/v1alpha1): how callers treat a service. */
export const trafficPolicySchema = z.strictObject({
  apiVersion: z.literal('heddle.dev/v1alpha1'),
  kind: z.literal('TrafficPolicy'),
  metadata: metadata(dnsSubdomain),
  spec: z.strictObject({
    /** Services of its namespace, or the namespace. Without: its namespace, or the mesh in `heddle-system`. */
    targetRefs: z.array(targetRef).min(1, 'at least one target').max(16, 'at most 16 targets').optional(),
    timeouts: z
      .strictObject({
        request: duration(0, hour).optional(),
        perTry: duration(0, hour).optional(),
        idle: duration(0, 24 * hour).optional(),
        connect: duration(1, 60_000).optional(),
      })
      .optional(),
    retries: z
      .strictObject({
        /** Tries after the first. */
        attempts: z
          .number()
          .int('must be a whole number')
          .min(0, 'must be 0 to 10')
          .max(10, 'must be 0 to 10')
          .optional(),
        on: z.array(z.enum(retryConditions)).max(retryConditions.length).optional(),
        /** Statuses for `retriable-status-codes`. */
        statuses: z
          .array(z.number().int().min(400, 'must be 400 to 599').max(599, 'must be 400 to 599'))
          .max(32, 'at most 32')
          .optional(),
      })
      .optional(),
    retryBudget: z
      .strictObject({
        percent: z.number().min(0, 'must be 0 to 100').max(100, 'must be 0 to 100').optional(),
        minConcurrency: z.number().int('must be a whole number').min(0).max(10_000).optional(),
      })
      .optional(),
    balancer: z.strictObject({ type: z.enum(['PeakEwma', 'RoundRobin', 'LeastRequest', 'Random']) }).optional(),
    limits: z
      .strictObject({ connections: limit.optional(), pendingRequests: limit.optional(), requests: limit.optional() })
      .optional(),
  }),
  status,
});

export type TrafficPolicy = z.infer<typeof trafficPolicySchema>;
