import { X509Certificate } from 'node:crypto';
import { pemToDer } from '../certs/trust-bundle.ts';
import type { LogLevel } from '../lib/log.ts';
import type { AdminCertificate, AdminCluster, AdminSource } from './admin/admin-source.ts';
import type { BreakerRoom } from './cluster/priority-load.ts';
import { configDump } from './discovery/config-dump.ts';
import type { Discovery } from './discovery/discovery.ts';
import type { SecretStore } from './identity/secret-store.ts';
import type { ClusterDescription, ProxyDescription } from './proxy-description.ts';

/** Where the admin port's answers come from. `discovery` is `undefined` until there is an identity. */
export interface AdminParts {
  proxy: { describe(): ProxyDescription };
  discovery: () => Discovery | undefined;
  secrets: SecretStore;
  ready: AdminSource['ready'];
  serverInfo: AdminSource['serverInfo'];
  refresh(): Promise<void>;
  setLogLevel(level: LogLevel): void;
  drain(): void;
  quit(): void;
}

export function createAdminSource(parts: AdminParts): AdminSource {
  const { proxy, discovery, secrets, ready, serverInfo, refresh, setLogLevel, drain, quit } = parts;
  return {
    configDump: () => {
      const current = discovery();
      return current === undefined ? { configs: [] } : configDump(current);
    },
    clusters: () => proxy.describe().clusters.map((cluster) => describeCluster(cluster, discovery())),
    listeners: () => proxy.describe().listeners.map(({ name, address, port }) => ({ name, address, port })),
    certificates: () => secrets.names().flatMap((name) => certificatesOf(name, secrets)),
    ready,
    serverInfo,
    refresh,
    setLogLevel,
    drain,
    quit,
  };
}

function describeCluster(cluster: ClusterDescription, discovery: Discovery | undefined): AdminCluster {
  const { name, service, servicePort, activeRequests, pendingRequests, connections } = cluster;
  return {
    name,
    service: servicePort === 0 ? service : `${service}:${servicePort}`,
    discovery: cluster.discovery,
    warm: discovery?.isActive('cluster', name) ?? false,
    values: {
      protocol: cluster.protocol,
      rq_active: activeRequests,
      rq_pending_active: pendingRequests,
      cx_active: connections,
      ...remaining('default_priority', cluster.room.default),
      ...remaining('high_priority', cluster.room.high),
      lb_healthy_panic: cluster.panicPicks,
    },
    endpoints: cluster.endpoints.map(({ connections: open, http2Connections, requests, failures, ...endpoint }) => ({
      ...endpoint,
      values: {
        cx_active: open,
        cx_http2: http2Connections,
        rq_total: requests,
        rq_error: failures,
        rq_success: Math.max(0, requests - failures - endpoint.activeRequests),
      },
    })),
  };
}

/** By Envoy's names of these statistics. */
function remaining(priority: string, room: BreakerRoom): Record<string, number> {
  return {
    [`${priority}::remaining_cx`]: room.connections,
    [`${priority}::remaining_pending`]: room.pendingRequests,
    [`${priority}::remaining_rq`]: room.requests,
    [`${priority}::remaining_retries`]: room.retries,
  };
}

function certificatesOf(name: string, secrets: SecretStore): AdminCertificate[] {
  const secret = secrets.get(name);
  if (secret === undefined) return [];
  const pem = secret.kind === 'certificate' ? secret.chainPem : secret.rootsPem;
  return pemToDer(pem).map((der) => {
    const certificate = new X509Certificate(der);
    return {
      name,
      kind: secret.kind === 'certificate' ? 'chain' : 'root',
      serialNumber: certificate.serialNumber.toLowerCase(),
      subjectAltNames: (certificate.subjectAltName ?? '')
        .split(', ')
        .filter((text) => text !== '')
        .map((text) => text.replace(/^(URI|DNS|IP Address):/, '')),
      validFrom: certificate.validFromDate.getTime(),
      expires: certificate.validToDate.getTime(),
    };
  });
}
