import type { EndpointConfig } from '../cluster-config.ts';

/** Which addresses of a name are used (`dns_lookup_family`). `auto` is IPv6 where there is any, else IPv4. */
export type DnsFamily = 'v4-only' | 'v6-only' | 'auto' | 'v4-preferred' | 'all';

/** Endpoints by host name (`STRICT_DNS`, `LOGICAL_DNS`). */
export interface DnsConfig {
  /** One connection target at a time: the name stands for one service and not for its members. */
  readonly logical: boolean;
  readonly family: DnsFamily;
  /** Time between look-ups, in milliseconds. Default 5,000. */
  readonly refreshMs: number;
  /** After a failure: a random share of a time that doubles from the first to the second. Milliseconds. Default `refreshMs` both. */
  readonly failureBaseMs: number;
  readonly failureMaxMs: number;
  /** Ask again when the answer expires, and not after `refreshMs`. */
  readonly respectTtl: boolean;
  /** As endpoints, with a host name or an IP address as the address. */
  readonly targets: readonly EndpointConfig[];
}
