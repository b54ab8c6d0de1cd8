import { z } from 'zod';

/**
 * The few fields of a Kubernetes Pod (or pod template) that injection reads. Everything else passes unseen:
 * the injector adds to a pod and never rewrites it.
 */
const container = z.looseObject({ name: z.string().default('') });

export const podSchema = z.looseObject({
  metadata: z
    .looseObject({
      name: z.string().optional(),
      generateName: z.string().optional(),
      namespace: z.string().optional(),
      labels: z.record(z.string(), z.string()).nullish(),
      annotations: z.record(z.string(), z.string()).nullish(),
    })
    .nullish(),
  spec: z.looseObject({
    hostNetwork: z.boolean().nullish(),
    os: z.looseObject({ name: z.string() }).nullish(),
    containers: z.array(container).nullish(),
    initContainers: z.array(container).nullish(),
    volumes: z.array(z.looseObject({ name: z.string().default('') })).nullish(),
  }),
});

export type Pod = z.infer<typeof podSchema>;

export const annotationsOf = (pod: Pod): Record<string, string> => pod.metadata?.annotations ?? {};
export const labelsOf = (pod: Pod): Record<string, string> => pod.metadata?.labels ?? {};
