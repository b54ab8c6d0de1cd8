import { z } from 'zod';
import { decide } from './additions.ts';
import { toJsonPatch } from './json-patch.ts';
import type { InjectOptions } from './options.ts';
import { podSchema } from './pod.ts';

/** The part of `admission.k8s.io/v1` AdmissionReview that the injector reads. */
const reviewSchema = z.looseObject({
  apiVersion: z.literal('admission.k8s.io/v1'),
  kind: z.literal('AdmissionReview'),
  request: z.looseObject({
    uid: z.string().min(1).max(128),
    kind: z.looseObject({ group: z.string().default(''), version: z.string().default(''), kind: z.string() }),
    operation: z.string(),
    subResource: z.string().nullish(),
    namespace: z.string().nullish(),
    object: z.unknown(),
  }),
});

export interface AdmissionResponse {
  apiVersion: 'admission.k8s.io/v1';
  kind: 'AdmissionReview';
  response: {
    uid: string;
    allowed: boolean;
    patchType?: 'JSONPatch';
    /** Base64 of the JSON Patch. */
    patch?: string;
    status?: { code: number; message: string };
    warnings?: string[];
    auditAnnotations?: Record<string, string>;
  };
}

export type ReviewResult = { ok: true; response: AdmissionResponse } | { ok: false; message: string };

/**
 * Answers one review. Only the creation of a Pod is ever changed; everything else is allowed as it is.
 * A pod with wrong annotations is denied with all problems, so that it does not run half-configured.
 * Without side effects, so dry runs need nothing special.
 */
export function answerReview(body: unknown, options: InjectOptions): ReviewResult {
  const parsed = reviewSchema.safeParse(body);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return {
      ok: false,
      message: `not an AdmissionReview of admission.k8s.io/v1: ${issue?.path.join('.')}: ${issue?.message}`,
    };
  }
  const { request } = parsed.data;
  const answer = (more: Omit<AdmissionResponse['response'], 'uid'>): ReviewResult => ({
    ok: true,
    response: { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: { uid: request.uid, ...more } },
  });

  const creates = request.operation === 'CREATE' && request.kind.group === '' && request.kind.kind === 'Pod';
  if (!creates || (request.subResource ?? '') !== '') return answer({ allowed: true });

  const pod = podSchema.safeParse(request.object);
  if (!pod.success) {
    const [issue] = pod.error.issues;
    return answer({
      allowed: false,
      status: { code: 400, message: `Pod: ${issue?.path.join('.')}: ${issue?.message}` },
    });
  }
  const decision = decide(pod.data, request.namespace ?? pod.data.metadata?.namespace ?? 'default', options);
  switch (decision.kind) {
    case 'skip':
      return answer({ allowed: true, auditAnnotations: { 'skip-reason': decision.reason } });
    case 'refuse':
      return answer({ allowed: false, status: { code: 400, message: `heddle: ${decision.problems.join('; ')}` } });
    case 'inject': {
      const patch = JSON.stringify(toJsonPatch(pod.data, decision.additions));
      return answer({ allowed: true, patchType: 'JSONPatch', patch: Buffer.from(patch).toString('base64') });
    }
  }
}
