import type { LogLevel } from '../../lib/log.ts';

/** What a proxy process is told at its start. */
export interface SidecarOptions {
  mode: 'sidecar' | 'gateway';
  /** Name of the workload, unique in its namespace. */
  name: string;
  namespace: string;
  serviceAccount: string;
  labels: Readonly<Record<string, string>>;
  /** Service to make for this workload when there is none; empty for none. */
  service: string;
  ports: readonly PortOption[];
  /** IP address bound by inbound or gateway listeners, and told to other sidecars. */
  address: string;
  /** Forward proxy on 127.0.0.1; 0 picks a free port, -1 is off. */
  outboundPort: number;
  upstreams: readonly UpstreamOption[];
  /** `<namespace>/<name>` of the Gateway, in gateway mode. */
  gateway: string | undefined;
  /** `host:port`. */
  controlPlane: string;
  /** Roots for the first contact, PEM. */
  trustBundlePem: string;
  /** Asked for at each attempt to get a certificate. */
  joinToken: () => string | undefined;
  stateDir: string | undefined;
  /** 0 picks a free port, -1 is off. */
  adminPort: number;
  /** Base URL spans are sent to; empty for nowhere. */
  otlp: string;
  traceSampling: number;
  /** Where access log lines go; `undefined` for nowhere. */
  accessLog: { target: 'stdout' | string; sample: number } | undefined;
  /** Processes that carry the traffic; 1 for this one. */
  concurrency: number;
  drainSeconds: number;
  logLevel: LogLevel;
}

export interface PortOption {
  name: string;
  appPort: number;
  protocol: 'http' | 'http2' | 'tcp';
  /** 0 for the application's port. */
  servicePort: number;
  /** Where the sidecar accepts mTLS; 0 picks a free port. */
  inboundPort: number;
}

export interface UpstreamOption {
  /** `<service>[.<namespace>][:<port>]`, as it was given. */
  service: string;
  /** 0 picks a free port. */
  localPort: number;
}
