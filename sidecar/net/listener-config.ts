import type { ConfiguredFilter } from '../http-filter-config.ts';
import type { Direction } from '../observe/stream-info.ts';
import type { RouteTable } from '../route/route-table.ts';

/** A bound port and what happens to its connections (`envoy.config.listener.v3.Listener`). */
export interface ListenerConfig {
  name: string;
  direction: Direction;
  address: string;
  port: number;
  /** The first whose match fits the connection is taken. */
  chains: readonly FilterChainConfig[];
}

export interface FilterChainConfig {
  name: string;
  /** Server names (SNI) this chain serves, exact or `*.suffix`; empty for any. */
  serverNames: readonly string[];
  /** `tls` and `raw_buffer` restrict the chain to such connections (found by the first byte); `any` does not. */
  transport: 'any' | 'tls' | 'raw_buffer';
  tls: DownstreamTlsConfig | undefined;
  protocol: HttpChainConfig | TcpChainConfig;
}

export interface DownstreamTlsConfig {
  certificateSecret: string;
  /** Roots for client certificates; `undefined` asks for none. */
  validationSecret: string | undefined;
  /** Refuse the handshake without a valid SVID. */
  requireClientCertificate: boolean;
  /** SPIFFE ids allowed; empty for any of the trust domain. */
  allowedIds: readonly string[];
  minVersion: 'TLSv1.2' | 'TLSv1.3';
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
}

export interface TcpChainConfig {
  kind: 'tcp';
  cluster: string;
  /** Neither side sends anything for so long, in milliseconds. Default 3,600,000. */
  idleTimeoutMs: number;
}
