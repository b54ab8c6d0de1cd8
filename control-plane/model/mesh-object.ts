import type { Gateway } from './gateway.ts';
import type { HttpRoute } from './http-route.ts';
import type { PeerAuthentication } from './peer-authentication.ts';
import type { Secret } from './secret.ts';
import type { Service } from './service.ts';
import type { TrafficPolicy } from './traffic-policy.ts';
import type { Workload } from './workload.ts';

/** An object of any kind, validated. */
export type MeshObject = Service | Secret | Workload | Gateway | HttpRoute | TrafficPolicy | PeerAuthentication;

export type MeshObjectKind = MeshObject['kind'];

/** The object of a kind. */
export type ObjectOf<K extends MeshObjectKind> = Extract<MeshObject, { kind: K }>;

/** How an object is named across the mesh: `HTTPRoute/shop/ratings`. */
export function objectKey(kind: string, namespace: string, name: string): string {
  return `${kind}/${namespace}/${name}`;
}
