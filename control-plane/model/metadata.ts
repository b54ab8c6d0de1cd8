import { z } from 'zod';
import { dnsLabel, labelKey, labels } from './names.ts';

const annotations = z
  .record(labelKey, z.string())
  .refine(
    (value) => Object.entries(value).reduce((sum, [key, text]) => sum + key.length + text.length, 0) <= 262_144,
    'annotations together may have at most 256 KiB',
  );

/**
 * `metadata` of an object. What a server sets (`uid`, `generation` ...) is accepted, because people apply what they
 * read back, and ignored.
 */
export function metadata(name: z.ZodType<string, string>) {
  return z.strictObject({
    name,
    namespace: dnsLabel,
    labels: labels.optional(),
    annotations: annotations.optional(),
    uid: z.string().optional(),
    generation: z.number().optional(),
    resourceVersion: z.string().optional(),
    creationTimestamp: z.string().nullish(),
    managedFields: z.unknown().optional(),
  });
}

/** `status` is written by the control plane alone: accepted in input and ignored. */
export const status = z.unknown().optional();
