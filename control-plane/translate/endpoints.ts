import { Address } from '../../proto/gen/envoy/config/core/v3/address.ts';
import { HealthStatus } from '../../proto/gen/envoy/config/core/v3/health_check.ts';
import { ClusterLoadAssignment } from '../../proto/gen/envoy/config/endpoint/v3/endpoint.ts';
import type { MeshEndpoint, MeshService, ServicePort } from '../registry/mesh-snapshot.ts';
import type { XdsResource } from '../xds/resource.ts';
import { encodeResource } from './encode-resource.ts';
import type { Memo } from './memo.ts';
import { byName, outboundName } from './names.ts';

/** The endpoints of an outbound cluster (docs/xds-resources.md, endpoint). */
export function loadAssignment(memo: Memo, service: MeshService, port: ServicePort): XdsResource {
  const name = outboundName(service.fqdn, port.port);
  return memo.get(`endpoints ${name}`, [port.endpoints], () => {
    const sorted = [...port.endpoints].sort(
      (a, b) => byName(a.workload, b.workload) || byName(a.address, b.address) || a.port - b.port,
    );
    // Of two workloads that claim one address only the first counts: a proxy refuses a list that has it twice.
    const distinct = [...new Map(sorted.toReversed().map((one) => [`${one.address} ${one.port}`, one])).values()];
    const message = ClusterLoadAssignment.fromPartial({
      clusterName: name,
      endpoints: distinct.length === 0 ? [] : [{ lbEndpoints: distinct.toReversed().map(lbEndpoint) }],
    });
    return encodeResource(ClusterLoadAssignment, name, message);
  });
}

export function socketAddress(address: string, port: number): Address {
  return Address.fromPartial({
    address: {
      $case: 'socketAddress',
      value: { address, portSpecifier: { $case: 'portValue', value: port } },
    },
  });
}

function lbEndpoint(endpoint: MeshEndpoint) {
  const heddle = { 'heddle.dev': { workload: endpoint.workload } };
  return {
    hostIdentifier: {
      $case: 'endpoint' as const,
      value: { address: socketAddress(endpoint.address, endpoint.port) },
    },
    healthStatus: endpoint.healthy ? HealthStatus.HEALTHY : HealthStatus.UNHEALTHY,
    metadata: {
      filterMetadata: endpoint.meshed ? { 'envoy.transport_socket_match': { tlsMode: 'heddle' }, ...heddle } : heddle,
    },
    loadBalancingWeight: Math.max(1, endpoint.weight),
  };
}
