import { attachRoutes } from './attach-routes.ts';
import { joinGateways } from './join-gateways.ts';
import { joinPeerAuthentication } from './join-peer-authentication.ts';
import { joinPolicies } from './join-policies.ts';
import { joinServices } from './join-services.ts';
import { joinWorkloads, type WorkloadHealth } from './join-workloads.ts';
import type { MeshSnapshot } from './mesh-snapshot.ts';
import type { ObjectIndex } from './object-index.ts';
import type { StatusCollector } from './status-collector.ts';

/** The mesh that the objects describe; a pure function but for what it tells `status`. */
export function joinMesh(
  objects: ObjectIndex,
  health: WorkloadHealth,
  trustDomain: string,
  status: StatusCollector,
): Omit<MeshSnapshot, 'revision'> {
  for (const [origin, message] of objects.invalid) status.problem(origin, 'Accepted', 'Invalid', message);
  const routes = attachRoutes(objects, status);
  const workloads = joinWorkloads(objects, health, status);
  const policies = joinPolicies(objects, status);
  const services = joinServices({
    objects,
    workloads,
    health,
    policies,
    routes: routes.services,
    trustDomain,
    status,
  });
  const { gateways, tlsSecrets } = joinGateways(objects, routes, status);
  for (const { origin } of objects.all('Secret'))
    status.ok(origin, 'Accepted', 'Accepted', 'certificate and key belong together');
  const peerAuthentication = joinPeerAuthentication(objects, status);
  return { trustDomain, services, workloads, gateways, tlsSecrets, peerAuthentication };
}
