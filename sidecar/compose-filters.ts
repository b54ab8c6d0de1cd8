import type { Clock } from '../lib/clock.ts';
import type { Random } from '../lib/random.ts';
import type { TimerWheel } from '../lib/timer-wheel.ts';
import { createAdaptiveConcurrency } from './filters/adaptive-concurrency/adaptive-concurrency.ts';
import { createAdmissionControl } from './filters/admission-control/admission-control.ts';
import { createBuffer } from './filters/buffer.ts';
import { createCors } from './filters/cors.ts';
import { createFault } from './filters/fault.ts';
import type { FilterFactory, SharedFilter } from './filters/filter.ts';
import { createGrpcMessageLimit } from './filters/grpc-message-limit.ts';
import { createGrpcWeb } from './filters/grpc-web/grpc-web.ts';
import { createHeaderMutation } from './filters/header-mutation.ts';
import { createHealthCheck } from './filters/health-check.ts';
import { createLocalRateLimit } from './filters/local-rate-limit/local-rate-limit.ts';
import { createStatefulSession } from './filters/stateful-session.ts';
import { gatewayFilters } from './gateway/gateway.ts';
import type { ConfiguredFilter, HttpFilterConfig } from './http-filter-config.ts';
import { inboundFilters } from './inbound.ts';
import type { Direction } from './observe/stream-info.ts';
import { outboundFilters } from './outbound.ts';
import type { ValueMatch } from './route/route-table.ts';

/** What filters may need of the process. */
export interface FilterDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly wheel: TimerWheel;
}

/** The filters of a chain, made ready; the router follows. */
export interface ComposedFilters {
  readonly factories: readonly FilterFactory[];
  /** What tells health checks that a filter answers, each by all of its matchers. */
  readonly healthChecks: readonly (readonly ValueMatch[])[];
  /** Configured filters by name, with the version of their configuration. */
  readonly shared: ReadonlyMap<string, { readonly version: string; readonly filter: SharedFilter }>;
}

/** The three compositions. Which one a listener gets is said by its direction, and by nothing else. */
const filtersOf: Readonly<Record<Direction, readonly FilterFactory[]>> = {
  inbound: inboundFilters,
  outbound: outboundFilters,
  gateway: gatewayFilters,
};

/**
 * First what every chain of the direction has, so that nothing behind it reads what a stranger wrote; then what is
 * configured, in its order. A filter that `before` has with the same name and configuration is taken over with its
 * state, so that a push resets no limit.
 */
export function composeFilters(
  direction: Direction,
  configured: readonly ConfiguredFilter[],
  deps: FilterDependencies,
  before: ComposedFilters | undefined,
): ComposedFilters {
  const shared = new Map<string, { version: string; filter: SharedFilter }>();
  const factories = [...filtersOf[direction]];
  for (const { name, config, version, disabled } of configured) {
    const known = before?.shared.get(name);
    const entry = known?.version === version ? known : { version, filter: createFilter(config, deps) };
    shared.set(name, entry);
    factories.push(onItsRoutes(name, disabled, entry.filter));
  }
  const healthChecks = configured.flatMap(({ config, disabled }) =>
    config.kind === 'health-check' && !disabled ? [config.headers] : [],
  );
  return { factories, healthChecks, shared };
}

function createFilter(config: HttpFilterConfig, deps: FilterDependencies): SharedFilter {
  switch (config.kind) {
    case 'adaptive-concurrency':
      return createAdaptiveConcurrency(config, deps);
    case 'admission-control':
      return createAdmissionControl(config, deps);
    case 'buffer':
      return createBuffer(config);
    case 'cors':
      return createCors(deps.random);
    case 'fault':
      return createFault(config, deps);
    case 'grpc-message-limit':
      return createGrpcMessageLimit(config);
    case 'grpc-web':
      return createGrpcWeb();
    case 'header-mutation':
      return createHeaderMutation(config);
    case 'health-check':
      return createHealthCheck(config);
    case 'local-rate-limit':
      return createLocalRateLimit(config, deps);
    case 'stateful-session':
      return createStatefulSession(config, deps);
  }
}

/** Leaves the filter out where the route says so, or where it is off and the route says nothing. */
function onItsRoutes(name: string, disabled: boolean, filter: SharedFilter): FilterFactory {
  return (callbacks) => {
    const overrides = callbacks.overrides(name);
    const off = overrides?.[0]?.disabled ?? disabled;
    return off ? undefined : filter(callbacks, overrides);
  };
}
