import type { AdaptiveConcurrencyConfig } from './filters/adaptive-concurrency/adaptive-concurrency.ts';
import type { AdmissionControlConfig } from './filters/admission-control/admission-control.ts';
import type { BufferConfig, BufferOverride } from './filters/buffer.ts';
import type { CorsConfig, CorsPolicy } from './filters/cors.ts';
import type { FaultConfig } from './filters/fault.ts';
import type { GrpcMessageLimitConfig } from './filters/grpc-message-limit.ts';
import type { GrpcWebConfig } from './filters/grpc-web/grpc-web.ts';
import type { HeaderMutationConfig, HeaderMutations } from './filters/header-mutation.ts';
import type { HealthCheckFilterConfig } from './filters/health-check.ts';
import type { LocalRateLimitConfig } from './filters/local-rate-limit/local-rate-limit.ts';
import type { StatefulSessionConfig } from './filters/stateful-session.ts';

/** What a filter of a chain does; each kind is described beside its filter. */
export type HttpFilterConfig =
  | AdaptiveConcurrencyConfig
  | AdmissionControlConfig
  | BufferConfig
  | CorsConfig
  | FaultConfig
  | GrpcMessageLimitConfig
  | GrpcWebConfig
  | HeaderMutationConfig
  | HealthCheckFilterConfig
  | LocalRateLimitConfig
  | StatefulSessionConfig;

/** What a route, a virtual host or a weighted cluster says to a filter (`typed_per_filter_config`). */
export type FilterOverrideConfig =
  | BufferOverride
  | CorsPolicy
  | FaultConfig
  | GrpcMessageLimitConfig
  | HeaderMutations
  | LocalRateLimitConfig
  | StatefulSessionConfig;

/** One entry of `http_filters`, without the router, which is always there. */
export interface ConfiguredFilter {
  /** By which `typed_per_filter_config` refers to it. */
  name: string;
  /** Runs only on routes that have something to say to it. */
  disabled: boolean;
  config: HttpFilterConfig;
  /** The same for the same content. */
  version: string;
}

export interface FilterOverride {
  /** The filter does nothing here. */
  disabled: boolean;
  /** `undefined` where only `disabled` is told. */
  config: FilterOverrideConfig | undefined;
  /** The same for the same content. */
  version: string;
  /** Names the place that says it, the same in every version of the table, so that state outlives a push. */
  place: string;
}

/** By filter name; for each what is said from the most specific place to the least. Never an empty list. */
export type FilterOverrides = ReadonlyMap<string, readonly FilterOverride[]>;

/** The configuration of `kind` that the most specific place gives, if any place gives one of this kind. */
export function overrideOf<Kind extends FilterOverrideConfig['kind']>(
  overrides: readonly FilterOverride[] | undefined,
  kind: Kind,
): Extract<FilterOverrideConfig, { kind: Kind }> | undefined {
  if (overrides === undefined) return undefined;
  for (const { config } of overrides) if (isKind(config, kind)) return config;
  return undefined;
}

function isKind<Kind extends FilterOverrideConfig['kind']>(
  config: FilterOverrideConfig | undefined,
  kind: Kind,
): config is Extract<FilterOverrideConfig, { kind: Kind }> {
  return config?.kind === kind;
}
