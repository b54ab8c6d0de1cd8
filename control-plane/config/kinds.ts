import type { z } from 'zod';
import { gatewaySchema } from '../model/gateway.ts';
import { httpRouteSchema } from '../model/http-route.ts';
import type { MeshObject, MeshObjectKind } from '../model/mesh-object.ts';
import { peerAuthenticationSchema } from '../model/peer-authentication.ts';
import { secretSchema } from '../model/secret.ts';
import { serviceSchema } from '../model/service.ts';
import { trafficPolicySchema } from '../model/traffic-policy.ts';
import { workloadSchema } from '../model/workload.ts';

/** A kind of object: what it is called and what it must look like. */
export interface Kind {
  readonly kind: MeshObjectKind;
  readonly apiVersion: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly schema: z.ZodType<MeshObject>;
}

/** Every kind, in the order in which people want to read them. */
export const kinds: readonly Kind[] = [
  {
    kind: 'Service',
    apiVersion: 'v1',
    plural: 'services',
    singular: 'service',
    shortNames: ['svc'],
    schema: serviceSchema,
  },
  {
    kind: 'Workload',
    apiVersion: 'heddle.dev/v1alpha1',
    plural: 'workloads',
    singular: 'workload',
    shortNames: ['wl'],
    schema: workloadSchema,
  },
  {
    kind: 'Gateway',
    apiVersion: 'gateway.networking.k8s.io/v1',
    plural: 'gateways',
    singular: 'gateway',
    shortNames: ['gtw'],
    schema: gatewaySchema,
  },
  {
    kind: 'HTTPRoute',
    apiVersion: 'gateway.networking.k8s.io/v1',
    plural: 'httproutes',
    singular: 'httproute',
    shortNames: ['hr', 'route', 'routes'],
    schema: httpRouteSchema,
  },
  {
    kind: 'TrafficPolicy',
    apiVersion: 'heddle.dev/v1alpha1',
    plural: 'trafficpolicies',
    singular: 'trafficpolicy',
    shortNames: ['tp'],
    schema: trafficPolicySchema,
  },
  {
    kind: 'PeerAuthentication',
    apiVersion: 'heddle.dev/v1alpha1',
    plural: 'peerauthentications',
    singular: 'peerauthentication',
    shortNames: ['pa'],
    schema: peerAuthenticationSchema,
  },
  {
    kind: 'Secret',
    apiVersion: 'v1',
    plural: 'secrets',
    singular: 'secret',
    shortNames: [],
    schema: secretSchema,
  },
];

const byKind = new Map(kinds.map((kind) => [kind.kind as string, kind]));
const byWord = new Map(
  kinds.flatMap((kind) =>
    [kind.kind.toLowerCase(), kind.plural, kind.singular, ...kind.shortNames].map((word) => [word, kind] as const),
  ),
);

/** By the exact `kind:` of an object. */
export function kindNamed(kind: string): Kind | undefined {
  return byKind.get(kind);
}

/** By what a person types: kind, plural, singular or short name, in any case, with or without the API group. */
export function findKind(word: string): Kind | undefined {
  return byWord.get(word.toLowerCase().replace(/\..*$/, ''));
}
