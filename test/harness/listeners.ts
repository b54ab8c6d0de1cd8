import type { FilterChainConfig, ListenerConfig } from '../../sidecar/net/listener-config.ts';
import { httpListener } from './data-path.ts';

/** A chain that relays to the cluster of its name. */
export function tcpChain(name: string, more: Partial<FilterChainConfig> = {}): FilterChainConfig {
  const protocol = { kind: 'tcp', cluster: name, idleTimeoutMs: 60_000 } as const;
  return { name, serverNames: [], transport: 'any', tls: undefined, protocol, ...more };
}

/** A chain that serves HTTP by the cluster of this name. */
export function httpChain(name: string, more: Partial<FilterChainConfig> = {}): FilterChainConfig {
  const [chain] = httpListener(name).chains;
  return { ...(chain as FilterChainConfig), name: `http-${name}`, ...more };
}

/** A gateway's listener on a free port. */
export function listener(chains: readonly FilterChainConfig[], more: Partial<ListenerConfig> = {}): ListenerConfig {
  return { name: 'l4', direction: 'gateway', address: '127.0.0.1', port: 0, chains, ...more };
}
