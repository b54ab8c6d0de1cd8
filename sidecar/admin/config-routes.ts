import { type AdminRoute, json, text, wantsJson } from './admin-route.ts';
import type { AdminCertificate, AdminCluster, AdminEndpoint, AdminListener, AdminSource } from './admin-source.ts';
import { redactSecrets } from './redact-secrets.ts';

const dayMs = 86_400_000;

/** What is configured: Envoy's paths, and where it has a form, its form. `wallTime` as in `Clock`. */
export function configRoutes(source: AdminSource, wallTime: () => number): AdminRoute[] {
  return [
    {
      method: 'GET',
      path: '/config_dump',
      help: 'the configuration in force, without secrets',
      handle: () => json(redactSecrets(source.configDump())),
    },
    {
      method: 'GET',
      path: '/clusters',
      help: 'clusters and their endpoints; ?format=json',
      handle: async (query) => {
        await source.refresh?.();
        return wantsJson(query)
          ? json({ cluster_statuses: source.clusters().map(clusterStatus) })
          : text(source.clusters().map(clusterText).join(''));
      },
    },
    {
      method: 'GET',
      path: '/listeners',
      help: 'listeners and their ports; ?format=json',
      handle: (query) =>
        wantsJson(query)
          ? json({ listener_statuses: source.listeners().map(listenerStatus) })
          : text(source.listeners().map(listenerText).join('')),
    },
    {
      method: 'GET',
      path: '/certs',
      help: 'certificates in use and when they end',
      handle: () => json({ certificates: source.certificates().map((one) => certificateStatus(one, wallTime())) }),
    },
  ];
}

function clusterText(cluster: AdminCluster): string {
  const lines = [`service::${cluster.service}`, `discovery::${cluster.discovery}`, `warm::${cluster.warm}`];
  for (const [name, value] of Object.entries(cluster.values ?? {})) lines.push(`${name}::${value}`);
  for (const endpoint of cluster.endpoints) {
    const values = {
      ...endpoint.values,
      rq_active: endpoint.activeRequests,
      health_flags: healthFlags(endpoint),
      hostname: endpoint.hostname,
      weight: endpoint.weight,
      region: endpoint.region,
      zone: endpoint.zone,
      sub_zone: endpoint.subZone,
      priority: endpoint.priority,
      success_rate: rate(endpoint.successRate),
      tls: endpoint.tls,
      workload: endpoint.workload,
    };
    for (const [name, value] of Object.entries(values)) lines.push(`${hostPort(endpoint)}::${name}::${value}`);
  }
  return lines.map((line) => `${cluster.name}::${line}\n`).join('');
}

/** Envoy's flags; `/avoided_retry_after` is ours. */
function healthFlags({ edsHealth, checkFailed, degraded, ejected, avoided }: AdminEndpoint): string {
  const flags = [
    checkFailed ? '/failed_active_hc' : '',
    ejected ? '/failed_outlier_check' : '',
    edsHealth === 'UNHEALTHY' || edsHealth === 'TIMEOUT' ? '/failed_eds_health' : '',
    edsHealth === 'DRAINING' ? '/eds_status_draining' : '',
    edsHealth === 'DEGRADED' ? '/degraded_eds_health' : '',
    degraded && edsHealth !== 'DEGRADED' ? '/degraded_active_hc' : '',
    avoided ? '/avoided_retry_after' : '',
  ];
  return flags.join('') || 'healthy';
}

function rate(percent: number): string {
  return percent < 0 ? '-1' : percent.toFixed(2);
}

function hostPort({ address, port }: { address: string; port: number }): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function socketAddress({ address, port }: { address: string; port: number }) {
  return { socket_address: { address, port_value: port } };
}

/** `envoy.admin.v3.ClusterStatus` as JSON. */
function clusterStatus(cluster: AdminCluster) {
  return {
    name: cluster.name,
    added_via_api: cluster.discovery !== 'static',
    ...(cluster.service === '' ? {} : { observability_name: cluster.service }),
    host_statuses: cluster.endpoints.map((endpoint) => ({
      address: socketAddress(endpoint),
      stats: Object.entries({ ...endpoint.values, rq_active: endpoint.activeRequests }).map(([name, value]) => ({
        type: 'GAUGE',
        value: String(value),
        name,
      })),
      health_status: {
        eds_health_status: endpoint.edsHealth,
        ...(endpoint.ejected ? { failed_outlier_check: true } : {}),
        ...(endpoint.checkFailed ? { failed_active_health_check: true } : {}),
        ...(endpoint.degraded && endpoint.edsHealth !== 'DEGRADED' ? { failed_active_degraded_check: true } : {}),
      },
      ...(endpoint.successRate < 0 ? {} : { success_rate: { value: endpoint.successRate } }),
      priority: endpoint.priority,
      locality: { region: endpoint.region, zone: endpoint.zone, sub_zone: endpoint.subZone },
      weight: endpoint.weight,
      hostname: endpoint.hostname === '' ? endpoint.workload : endpoint.hostname,
    })),
  };
}

function listenerText(listener: AdminListener): string {
  return `${listener.name}::${hostPort(listener)}\n`;
}

function listenerStatus(listener: AdminListener) {
  return { name: listener.name, local_address: socketAddress(listener) };
}

/** `envoy.admin.v3.Certificate` as JSON. */
function certificateStatus(certificate: AdminCertificate, now: number) {
  const details = {
    path: certificate.name,
    serial_number: certificate.serialNumber,
    subject_alt_names: certificate.subjectAltNames.map((name) =>
      name.includes('://') ? { uri: name } : { dns: name },
    ),
    days_until_expiration: String(Math.max(0, Math.floor((certificate.expires - now) / dayMs))),
    valid_from: new Date(certificate.validFrom).toISOString(),
    expiration_time: new Date(certificate.expires).toISOString(),
  };
  return certificate.kind === 'root' ? { ca_cert: [details] } : { cert_chain: [details] };
}
