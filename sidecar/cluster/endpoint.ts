import type { BalancedEndpoint } from '../balance/balancer.ts';
import { EndpointSignals } from '../balance/endpoint-signals.ts';
import type { EndpointConfig } from './cluster-config.ts';
import type { EndpointPools } from './endpoint-pools.ts';

/** One address of a cluster, with what is known of it here. Lives as long as discovery names it. */
export class Endpoint implements BalancedEndpoint {
  config: EndpointConfig;
  /** `address:port`. */
  readonly address: string;
  activeRequests = 0;
  /** Kept by the selector. */
  available: boolean;
  /** Whether health checks look at it, or did. */
  checked = false;
  readonly signals = new EndpointSignals();
  /** Connections to it; `undefined` in a cluster that is not HTTP. */
  pools: EndpointPools | undefined;
  /** Since it is known. */
  requests = 0;
  failures = 0;

  constructor(config: EndpointConfig) {
    this.config = config;
    this.address = endpointKey(config);
    this.available = config.healthy;
  }
}

/** What makes two configurations the same endpoint. */
export function endpointKey(config: EndpointConfig): string {
  return config.address.includes(':') ? `[${config.address}]:${config.port}` : `${config.address}:${config.port}`;
}
