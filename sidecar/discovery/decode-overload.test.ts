import { expect, test } from 'vitest';
import { OverloadManager, ScaleTimersOverloadActionConfig } from '../../proto/gen/envoy/config/overload/v3/overload.ts';
import { DownstreamConnectionsConfig } from '../../proto/gen/envoy/extensions/resource_monitors/downstream_connections/v3/downstream_connections.ts';
import { FixedHeapConfig } from '../../proto/gen/envoy/extensions/resource_monitors/fixed_heap/v3/fixed_heap.ts';
import { InjectedResourceConfig } from '../../proto/gen/envoy/extensions/resource_monitors/injected_resource/v3/injected_resource.ts';
import { Empty } from '../../proto/gen/google/protobuf/empty.ts';
import { packed } from '../../test/harness/http-filters.ts';
import { defaultOverload } from '../overload/overload-config.ts';
import { decodeOverload } from './decode-overload.ts';
import { Reader } from './reader.ts';

function read(message: Parameters<typeof OverloadManager.fromPartial>[0]) {
  const reader = new Reader();
  const config = decodeOverload(reader, 'overload_manager', OverloadManager.fromPartial(message));
  return { config, problems: reader.problems };
}

const heap = {
  name: 'heap',
  configType: { $case: 'typedConfig' as const, value: packed(FixedHeapConfig, { maxHeapSizeBytes: '1000000' }) },
};
const file = {
  name: 'file',
  configType: { $case: 'typedConfig' as const, value: packed(InjectedResourceConfig, { filename: '/tmp/pressure' }) },
};
const threshold = (name: string, value: number) => ({
  name,
  triggerOneof: { $case: 'threshold' as const, value: { value } },
});
const timers = packed(ScaleTimersOverloadActionConfig, {
  timerScaleFactors: [{ timer: 'HTTP_DOWNSTREAM_CONNECTION_IDLE', minTimeout: '2s' }],
});

test("Envoy's overload manager is read with its monitors, actions and triggers", () => {
  const { config, problems } = read({
    refreshInterval: { seconds: 0, nanos: 250e6 },
    resourceMonitors: [heap, file],
    actions: [
      {
        name: 'envoy.overload_actions.reduce_timeouts',
        triggers: [
          {
            name: 'heap',
            triggerOneof: { $case: 'scaled', value: { scalingThreshold: 0.85, saturationThreshold: 0.95 } },
          },
        ],
        typedConfig: timers,
      },
      {
        name: 'envoy.overload_actions.stop_accepting_requests',
        triggers: [threshold('heap', 0.95), threshold('file', 0.5)],
      },
    ],
  });
  expect(problems).toEqual([]);
  expect(config).toEqual({
    refreshMs: 250,
    monitors: [
      { kind: 'fixed-heap', name: 'heap', maxBytes: 1_000_000 },
      { kind: 'injected', name: 'file', file: '/tmp/pressure' },
    ],
    actions: [
      {
        kind: 'reduce_timeouts',
        triggers: [{ kind: 'scaled', resource: 'heap', from: 0.85, full: 0.95 }],
        minIdle: { ms: 2_000 },
      },
      {
        kind: 'stop_accepting_requests',
        triggers: [
          { kind: 'threshold', resource: 'heap', value: 0.95 },
          { kind: 'threshold', resource: 'file', value: 0.5 },
        ],
      },
    ],
  });
});

test('what is not done is refused by path', () => {
  const other = { name: 'heap', configType: { $case: 'typedConfig' as const, value: packed(Empty) } };
  const { problems } = read({
    resourceMonitors: [other],
    loadshedPoints: [{ name: 'x' }],
    actions: [
      { name: 'envoy.overload_actions.dance', triggers: [threshold('disk', 2)] },
      {
        name: 'envoy.overload_actions.reduce_timeouts',
        triggers: [threshold('heap', 0.9)],
        typedConfig: packed(ScaleTimersOverloadActionConfig, {
          timerScaleFactors: [{ timer: 'TRANSPORT_SOCKET_CONNECT', minTimeout: '2s' }],
        }),
      },
    ],
  });
  expect(problems).toEqual([
    'overload_manager.loadshed_points: not supported',
    'overload_manager.resource_monitors[0].typed_config: unsupported type type.googleapis.com/google.protobuf.Empty',
    'overload_manager.actions[0].triggers[0].name: there is no resource monitor "disk"',
    'overload_manager.actions[0].triggers[0].threshold.value: out of range',
    expect.stringContaining('overload_manager.actions[0].name: "envoy.overload_actions.dance" is not supported'),
    'overload_manager.actions[1].typed_config.timer_scale_factors[0].timer: only HTTP_DOWNSTREAM_CONNECTION_IDLE is supported',
  ]);
});

const connections = (maxActiveDownstreamConnections: number) => ({
  name: 'envoy.resource_monitors.global_downstream_max_connections',
  configType: {
    $case: 'typedConfig' as const,
    value: packed(DownstreamConnectionsConfig, { maxActiveDownstreamConnections }),
  },
});

test('L-17: a limit for all connections is no pressure, and alone it leaves the defaults in force', () => {
  const alone = read({ resourceMonitors: [connections(50)] });
  expect(alone).toEqual({ config: { ...defaultOverload, maxConnections: 50 }, problems: [] });
  const beside = read({ resourceMonitors: [heap, connections(50)] });
  expect(beside.config).toMatchObject({ monitors: [{ kind: 'fixed-heap' }], actions: [], maxConnections: 50 });
  const action = {
    name: 'envoy.overload_actions.stop_accepting_requests',
    triggers: [threshold(connections(1).name, 0.5)],
  };
  const wrong = read({ resourceMonitors: [connections(0), connections(5)], actions: [action] });
  expect(wrong.problems).toEqual([
    expect.stringContaining('max_active_downstream_connections: must be above 0'),
    'overload_manager.resource_monitors[1]: a second limit for connections',
    expect.stringContaining('there is no resource monitor "envoy.resource_monitors.global_downstream_max_connections"'),
  ]);
});
