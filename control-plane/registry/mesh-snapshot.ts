/**
 * The mesh at one moment: resources joined and defaults filled in. Immutable; the registry makes a new one for each
 * change and shares what did not change, so `===` tells whether a part is the same. Translation is a function of it.
 */
export interface MeshSnapshot {
  /** Grows with each change; not a resource version. */
  readonly revision: number;
  readonly trustDomain: string;
  /** By `<namespace>/<name>`. */
  readonly services: ReadonlyMap<string, MeshService>;
  readonly workloads: ReadonlyMap<string, MeshWorkload>;
  readonly gateways: ReadonlyMap<string, MeshGateway>;
  /** Certificates for gateways, by `<namespace>/<name>`. */
  readonly tlsSecrets: ReadonlyMap<string, TlsSecret>;
  /** mTLS mode of a workload without a rule of its own: by namespace, then `''` for the mesh. Default STRICT. */
  readonly peerAuthentication: readonly PeerAuthenticationRule[];
}

export interface MeshService {
  readonly namespace: string;
  readonly name: string;
  /** `<name>.<namespace>.svc.cluster.local`. */
  readonly fqdn: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly ports: readonly ServicePort[];
  /** GAMMA routes whose parent is this service, most specific first; see {@link MeshRoute}. */
  readonly routes: readonly MeshRoute[];
  readonly policy: EffectiveTrafficPolicy;
}

export interface ServicePort {
  readonly name: string;
  readonly port: number;
  readonly protocol: 'http' | 'tcp';
  /** With `http`: the applications take HTTP/2 with prior knowledge. Default false. */
  readonly http2?: boolean;
  /** Endpoints behind this port. A change of these alone changes no cluster, listener or route. */
  readonly endpoints: readonly MeshEndpoint[];
}

export interface MeshEndpoint {
  /** `<namespace>/<name>` of its workload. */
  readonly workload: string;
  readonly address: string;
  /** The sidecar's inbound port, or the application's where there is no sidecar. */
  readonly port: number;
  readonly meshed: boolean;
  readonly spiffeId: string;
  readonly healthy: boolean;
  readonly weight: number;
  readonly labels: Readonly<Record<string, string>>;
}

export interface WorkloadPort {
  readonly name: string;
  readonly appPort: number;
  readonly inboundPort: number;
  readonly protocol: 'http' | 'tcp';
  /** With `http`: the application takes HTTP/2 with prior knowledge. Default false. */
  readonly http2?: boolean;
}

export interface MeshWorkload {
  readonly namespace: string;
  readonly name: string;
  readonly serviceAccount: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly address: string;
  readonly ports: readonly WorkloadPort[];
  readonly upstreams: readonly { service: string; namespace: string; port: number; localPort: number }[];
  /** Whether a sidecar stands beside it. */
  readonly meshed: boolean;
  /** `<namespace>/<name>` of the services that select it. */
  readonly services: readonly string[];
}

export interface MeshGateway {
  readonly namespace: string;
  readonly name: string;
  readonly listeners: readonly {
    readonly name: string;
    readonly port: number;
    readonly protocol: 'HTTP' | 'HTTPS';
    /** Empty for all. */
    readonly hostname: string;
    /** `<namespace>/<name>` of TLS secrets. */
    readonly certificates: readonly string[];
    readonly routes: readonly MeshRoute[];
  }[];
}

/** An HTTPRoute attached to one parent, validated, with its references resolved. */
export interface MeshRoute {
  /** `HTTPRoute/<namespace>/<name>`. */
  readonly origin: string;
  readonly namespace: string;
  readonly hostnames: readonly string[];
  readonly createdAt: string;
  /** The only port of the parent Service it holds for; absent for all of them, and for gateways. */
  readonly parentPort?: number;
  readonly rules: readonly MeshRule[];
}

export interface MeshRule {
  /** As in the Gateway API; at least one. Kept in the user's order, sorted by precedence in translation. */
  readonly matches: readonly {
    readonly path: { readonly type: 'Exact' | 'PathPrefix' | 'RegularExpression'; readonly value: string };
    readonly method: string | undefined;
    readonly headers: readonly { name: string; value: string; type: 'Exact' | 'RegularExpression' }[];
    readonly queryParams: readonly { name: string; value: string; type: 'Exact' | 'RegularExpression' }[];
  }[];
  readonly requestHeaders: HeaderEdit;
  readonly responseHeaders: HeaderEdit;
  readonly redirect:
    | {
        readonly scheme: string | undefined;
        readonly hostname: string | undefined;
        readonly port: number | undefined;
        readonly path: { type: 'ReplaceFullPath' | 'ReplacePrefixMatch'; value: string } | undefined;
        readonly statusCode: 301 | 302 | 303 | 307 | 308;
      }
    | undefined;
  readonly rewrite:
    | {
        readonly hostname: string | undefined;
        readonly path: { type: 'ReplaceFullPath' | 'ReplacePrefixMatch'; value: string } | undefined;
      }
    | undefined;
  readonly backends: readonly {
    /** `<namespace>/<name>` of a service that exists. */
    readonly service: string;
    readonly port: number;
    readonly weight: number;
    readonly requestHeaders: HeaderEdit;
    readonly responseHeaders: HeaderEdit;
  }[];
  /** Weight of backends that could not be resolved; that share of requests is answered 500, as the Gateway API says. */
  readonly invalidBackendWeight: number;
  /** Milliseconds; `undefined` where the rule says nothing, 0 for none. */
  readonly requestTimeoutMs: number | undefined;
  readonly backendRequestTimeoutMs: number | undefined;
}

export interface HeaderEdit {
  readonly set: readonly { name: string; value: string }[];
  readonly add: readonly { name: string; value: string }[];
  readonly remove: readonly string[];
}

/** What holds for a service once TrafficPolicy objects of mesh, namespace and service are laid over the defaults. */
export interface EffectiveTrafficPolicy {
  readonly requestTimeoutMs: number;
  readonly perTryTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly retries: { readonly attempts: number; readonly on: readonly string[]; readonly statuses: readonly number[] };
  readonly retryBudget: { readonly percent: number; readonly minConcurrency: number };
  readonly balancer: 'PeakEwma' | 'RoundRobin' | 'LeastRequest' | 'Random';
  readonly limits: { readonly connections: number; readonly pendingRequests: number; readonly requests: number };
  /** `TrafficPolicy/<namespace>/<name>` of each object that contributed, weakest first. */
  readonly origins: readonly string[];
}

export interface PeerAuthenticationRule {
  /** `PeerAuthentication/<namespace>/<name>`. */
  readonly origin: string;
  /** Empty for the whole mesh. */
  readonly namespace: string;
  /** Empty for every workload of the namespace. */
  readonly selector: Readonly<Record<string, string>>;
  readonly mode: 'STRICT' | 'PERMISSIVE';
  /** By application port. */
  readonly portModes: ReadonlyMap<number, 'STRICT' | 'PERMISSIVE'>;
}

export interface TlsSecret {
  readonly namespace: string;
  readonly name: string;
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}
