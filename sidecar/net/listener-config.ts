import type { ConfiguredFilter } from '../http-filter-config.ts';
import type { Direction } from '../observe/stream-info.ts';
import type { RouteTable } from '../route/route-table.ts';
import type { Http2Settings } from '../stream/http2-settings.ts';
import type { UpgradeRules } from '../stream/upgrade-policy.ts';
import type { IpRange } from './ip-range.ts';
import type { ProxyHeaderConfig } from './proxy-header.ts';

/** A bound port and what happens to its connections (`envoy.config.listener.v3.Listener`). */
export interface ListenerConfig {
  name: string;
  direction: Direction;
  address: string;
  port: number;
  /** The one that fits a connection most closely serves it; see {@link ChainMatch}. */
  chains: readonly FilterChainConfig[];
  /** Serves what no chain fits. Absent: such connections are closed. */
  defaultChain?: FilterChainConfig;
  /** Tell TLS (`tls_inspector`) or HTTP (`http_inspector`) by the first bytes. TLS is also told where a chain has it. */
  inspect?: { readonly tls: boolean; readonly http: boolean };
  /** Read a PROXY header before anything else. */
  proxyHeader?: ProxyHeaderConfig;
  /** Connections open at one time. Default 10,000 (security.md L-17). */
  maxConnections?: number;
  /** Connections of one client address at one time; 0 for any number. Default 100 at the edge, any number in the mesh (security.md L-18). */
  maxConnectionsPerClient?: number;
  /** Connections that the kernel completes ahead of us. Default 1,024. */
  backlog?: number;
}

export interface FilterChainConfig {
  name: string;
  /** Server names (SNI) this chain serves, exact or `*.suffix`; empty for any. */
  serverNames: readonly string[];
  /** `tls` and `raw_buffer` restrict the chain to such connections (found by the first byte); `any` does not. */
  transport: 'any' | 'tls' | 'raw_buffer';
  tls: DownstreamTlsConfig | undefined;
  protocol: HttpChainConfig | TcpChainConfig;
  /** What else a connection must be like. */
  match?: ChainMatchConfig;
  /** Connections of this chain at one time; more are closed. Absent: no limit of its own. */
  maxConnections?: number;
}

/** The criteria of `filter_chain_match` besides server name and transport; an absent one fits everything. */
export interface ChainMatchConfig {
  readonly destinationPort?: number;
  readonly destinationRanges?: readonly IpRange[];
  readonly sourceRanges?: readonly IpRange[];
  readonly sourcePorts?: readonly number[];
  /** Any of these was offered by ALPN, or found out: `http/1.1`, `http/1.0`, `h2c`. */
  readonly applicationProtocols?: readonly string[];
}

export interface DownstreamTlsConfig {
  certificateSecret: string;
  /** Secrets with certificates for other names; the first that has the client's server name is taken. */
  moreCertificates?: readonly string[];
  /** Roots for client certificates; `undefined` asks for none. */
  validationSecret: string | undefined;
  /** Refuse the handshake without a valid SVID. */
  requireClientCertificate: boolean;
  /** SPIFFE ids allowed; empty for any of the trust domain. */
  allowedIds: readonly string[];
  minVersion: 'TLSv1.2' | 'TLSv1.3';
  /** Default TLS 1.3. */
  maxVersion?: 'TLSv1.2' | 'TLSv1.3';
  /** Suites of OpenSSL, joined by colons. Absent: those with forward secrecy and authenticated encryption. */
  ciphers?: string;
  /** What the client may choose from by ALPN, best first. Absent or empty: nothing is prescribed. */
  alpnProtocols?: readonly string[];
}

export interface HttpChainConfig {
  kind: 'http';
  /** A table delivered by name (RDS) or written inline. */
  routes: { kind: 'rds'; name: string } | { kind: 'inline'; table: RouteTable };
  /** In order, behind those of the direction and before the router. */
  filters: readonly ConfiguredFilter[];
  /** Rules for a connection from outside the mesh: strip trusted headers, refuse HTTP/1.0 and alias header names. */
  edge: boolean;
  /** Milliseconds. Defaults: 60,000 at the edge, 3,600,000 in the mesh. */
  idleTimeoutMs: number;
  /** Whole head of a request, in milliseconds. Default 10,000. */
  headersTimeoutMs: number;
  /** Neither side of a stream sends anything for so long, unless its route says otherwise; 0 for any. Default 300,000. */
  streamIdleTimeoutMs?: number;
  /** A whole stream, unless its route says otherwise; 0 for any. Default 0. */
  maxStreamDurationMs?: number;
  /** Versions taken: `auto` finds out by ALPN, or else by the first bytes. Default `auto`. */
  codec?: 'auto' | 'http1' | 'http2';
  /** Default `edgeHttp2` at the edge, `meshHttp2` in the mesh. */
  http2?: Http2Settings;
  /** Protocols that requests may switch to. Default `defaultUpgrades`. */
  upgrades?: UpgradeRules;
  /** Requests that one connection carries before it ends. Default 10,000 (security.md L-12); HTTP/2 in the mesh: no limit. */
  maxRequestsPerConnection?: number;
  /** A connection takes no request any more after so long, give or take a tenth, in milliseconds. Default 3,600,000 (security.md L-11). */
  maxConnectionDurationMs?: number;
  /** Until a request has come whole, in milliseconds; 0 for none. Default 0. */
  requestTimeoutMs?: number;
}

export interface TcpChainConfig {
  kind: 'tcp';
  cluster: string;
  /** In place of `cluster`: each connection goes to one of them, with the chance of its weight. */
  weightedClusters?: readonly { readonly name: string; readonly weight: number }[];
  /** Endpoints tried until one takes the connection. Default 2. */
  maxConnectAttempts?: number;
  /** A connection is ended after so long, in milliseconds. Absent: never. */
  maxConnectionDurationMs?: number;
  /** Neither side sends anything for so long, in milliseconds; 0 for any time. Default 3,600,000. */
  idleTimeoutMs: number;
}
