import type { MeshSnapshot, MeshWorkload } from '../../control-plane/registry/mesh-snapshot.ts';
import type { ProxyList, ProxyStatus, SyncState } from '../../proto/api/v1.ts';
import { shopNamespace, spiffeId } from './shop-traces.ts';

// The demo shop as the control plane sees it, for what reads snapshots and proxy states.

const workloads = ['front-1', 'catalog-1', 'ratings-v1', 'ratings-v2', 'cart-1', 'checkout-1'];
const serviceOf = (workload: string) => workload.replace(/-(\d+|v\d+)$/, '');

export const shopConnected: ReadonlySet<string> = new Set(workloads.map((name) => `${name}.${shopNamespace}`));

/** Only what statistics read is filled in. */
export function shopSnapshot(moreServices: readonly string[] = []): MeshSnapshot {
  const services = new Set([...workloads.map(serviceOf), ...moreServices]);
  const mesh = {
    services: new Map([...services].map((name) => [`${shopNamespace}/${name}`, {}])),
    workloads: new Map(workloads.map((name) => [`${shopNamespace}/${name}`, workloadOf(name)])),
  };
  return mesh as unknown as MeshSnapshot;
}

function workloadOf(name: string): MeshWorkload {
  return {
    namespace: shopNamespace,
    name,
    serviceAccount: serviceOf(name),
    labels: { app: serviceOf(name) },
    address: '127.0.0.1',
    ports: [],
    upstreams: [],
    meshed: true,
    services: [`${shopNamespace}/${serviceOf(name)}`],
  };
}

/** All proxies of the shop, in sync but for one that refuses its routes and one that went away. */
export function shopProxies(now: number): ProxyList {
  const proxies = ['edge-1', ...workloads].map((name, i) => proxyOf(name, now - 187_000 - i * 400));
  const refusing = proxies.find((proxy) => proxy.workload === 'ratings-v2');
  if (refusing !== undefined) {
    refusing.types.RDS = {
      state: 'NACK',
      version: '41c9d0e2',
      resources: 6,
      nacks: 3,
      error: 'HTTPRoute/shop/ratings/rule/0: match[0].path: invalid regular expression: missing ) at offset 7',
    };
  }
  const away = proxies.find((proxy) => proxy.workload === 'checkout-1');
  if (away !== undefined) {
    away.connected = false;
    for (const type of Object.values(away.types)) type.state = 'STALE';
  }
  return { items: proxies };
}

function proxyOf(name: string, connectedAt: number): ProxyStatus {
  const gateway = name.startsWith('edge');
  const type = (resources: number, state: SyncState = 'SYNCED') => ({
    state,
    version: '9f3ab1c4',
    resources,
    nacks: 0,
    error: '',
  });
  return {
    id: `${name}.${shopNamespace}`,
    mode: gateway ? 'gateway' : 'sidecar',
    namespace: shopNamespace,
    workload: name,
    spiffeId: spiffeId(serviceOf(name)),
    version: 'heddle 0.1.0',
    address: '127.0.0.1:39114',
    connectedAt: new Date(connectedAt).toISOString(),
    connected: true,
    types: {
      CDS: type(gateway ? 2 : 6),
      LDS: type(gateway ? 1 : 4),
      EDS: type(5),
      RDS: gateway ? type(1) : type(6),
      SDS: gateway ? type(0, 'NOT SENT') : type(1),
    },
  };
}
