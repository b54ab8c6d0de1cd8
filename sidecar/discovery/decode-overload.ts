import {
  OverloadAction,
  OverloadManager,
  ResourceMonitor,
  ScaledTrigger,
  ScaleTimersOverloadActionConfig,
  ScaleTimersOverloadActionConfig_ScaleTimer,
  ScaleTimersOverloadActionConfig_TimerType,
  ThresholdTrigger,
  Trigger,
} from '../../proto/gen/envoy/config/overload/v3/overload.ts';
import { DownstreamConnectionsConfig } from '../../proto/gen/envoy/extensions/resource_monitors/downstream_connections/v3/downstream_connections.ts';
import { FixedHeapConfig } from '../../proto/gen/envoy/extensions/resource_monitors/fixed_heap/v3/fixed_heap.ts';
import { InjectedResourceConfig } from '../../proto/gen/envoy/extensions/resource_monitors/injected_resource/v3/injected_resource.ts';
import type { Any } from '../../proto/gen/google/protobuf/any.ts';
import {
  defaultOverload,
  type OverloadActionConfig,
  type OverloadActionKind,
  type OverloadConfig,
  type OverloadTrigger,
  type ResourceMonitorConfig,
} from '../overload/overload-config.ts';
import { fieldsOf } from './message-fields.ts';
import { isType, join, type Reader } from './reader.ts';

export const overloadManagerFields = fieldsOf(OverloadManager, {
  supported: ['refreshInterval', 'resourceMonitors', 'actions'],
  ignored: { bufferFactoryConfig: 'what is buffered is always known' },
});

export const resourceMonitorFields = fieldsOf(ResourceMonitor, { supported: ['name', 'configType.typedConfig'] });

export const fixedHeapFields = fieldsOf(FixedHeapConfig, { supported: ['maxHeapSizeBytes'] });

export const injectedResourceFields = fieldsOf(InjectedResourceConfig, { supported: ['filename'] });

export const downstreamConnectionsFields = fieldsOf(DownstreamConnectionsConfig, {
  supported: ['maxActiveDownstreamConnections'],
  limits: { maxActiveDownstreamConnections: 'no trigger can refer to it; workers share it evenly' },
});

export const overloadActionFields = fieldsOf(OverloadAction, { supported: ['name', 'triggers', 'typedConfig'] });

export const triggerFields = fieldsOf(Trigger, {
  supported: ['name', 'triggerOneof.threshold', 'triggerOneof.scaled'],
});

export const thresholdTriggerFields = fieldsOf(ThresholdTrigger, { supported: ['value'] });

export const scaledTriggerFields = fieldsOf(ScaledTrigger, { supported: ['scalingThreshold', 'saturationThreshold'] });

export const scaleTimersFields = fieldsOf(ScaleTimersOverloadActionConfig, { supported: ['timerScaleFactors'] });

export const scaleTimerFields = fieldsOf(ScaleTimersOverloadActionConfig_ScaleTimer, {
  supported: ['timer', 'overloadAdjust.minTimeout', 'overloadAdjust.minScale'],
  limits: { timer: '`HTTP_DOWNSTREAM_CONNECTION_IDLE`' },
});

const prefix = 'envoy.overload_actions.';
const kinds: readonly OverloadActionKind[] = [
  'reduce_timeouts',
  'disable_http_keepalive',
  'stop_accepting_requests',
  'stop_accepting_connections',
  'reject_incoming_connections',
  'reset_high_memory_stream',
  'shrink_heap',
];

/** Reads the `overload_manager` of a bootstrap. One that only limits connections leaves all else at its defaults. */
export function decodeOverload(reader: Reader, path: string, message: OverloadManager): OverloadConfig {
  reader.only(path, message, overloadManagerFields);
  if (message.resourceMonitors.length === 0) reader.problem(join(path, 'resource_monitors'), 'missing');
  let maxConnections: number | undefined;
  const monitors: ResourceMonitorConfig[] = [];
  const resources = new Set<string>();
  for (const [index, monitor] of message.resourceMonitors.entries()) {
    const at = join(path, `resource_monitors[${index}]`);
    const decoded = decodeMonitor(reader, at, monitor);
    if (typeof decoded === 'number') {
      if (maxConnections !== undefined) reader.problem(at, 'a second limit for connections');
      maxConnections = decoded;
    } else {
      if (resources.has(monitor.name)) reader.problem(join(path, 'resource_monitors'), 'two have the same name');
      resources.add(monitor.name);
      if (decoded !== undefined) monitors.push(decoded);
    }
  }
  const actions = message.actions.flatMap(
    (action, index) => decodeAction(reader, join(path, `actions[${index}]`), action, resources) ?? [],
  );
  const limit = maxConnections === undefined ? {} : { maxConnections };
  const refreshMs = reader.positiveDuration(join(path, 'refresh_interval'), message.refreshInterval, 1_000);
  if (resources.size === 0 && message.actions.length === 0) return { ...defaultOverload, ...limit };
  return {
    refreshMs,
    monitors,
    actions,
    ...limit,
  };
}

/** A number is a limit of connections, which is no monitor here. */
function decodeMonitor(
  reader: Reader,
  path: string,
  message: ResourceMonitor,
): ResourceMonitorConfig | number | undefined {
  reader.only(path, message, resourceMonitorFields);
  const name = reader.required(join(path, 'name'), message.name);
  const packed = message.configType?.value;
  const at = join(path, 'typed_config');
  if (isType(packed, FixedHeapConfig)) {
    const config = reader.unpack(at, packed, FixedHeapConfig);
    if (config !== undefined) reader.only(at, config, fixedHeapFields);
    if (!config?.maxHeapSizeBytes) reader.problem(join(at, 'max_heap_size_bytes'), 'must be above 0');
    return { kind: 'fixed-heap', name, maxBytes: config?.maxHeapSizeBytes ?? 1 };
  }
  if (isType(packed, InjectedResourceConfig)) {
    const config = reader.unpack(at, packed, InjectedResourceConfig);
    return { kind: 'injected', name, file: reader.required(join(at, 'filename'), config?.filename ?? '') };
  }
  if (isType(packed, DownstreamConnectionsConfig)) {
    const config = reader.unpack(at, packed, DownstreamConnectionsConfig);
    if (config !== undefined) reader.only(at, config, downstreamConnectionsFields);
    const { maxActiveDownstreamConnections: max = 0 } = config ?? {};
    if (max <= 0) reader.problem(join(at, 'max_active_downstream_connections'), 'must be above 0');
    return max;
  }
  reader.problem(at, `unsupported type ${packed?.typeUrl ?? '(none)'}`);
  return undefined;
}

function decodeAction(
  reader: Reader,
  path: string,
  message: OverloadAction,
  resources: ReadonlySet<string>,
): OverloadActionConfig | undefined {
  reader.only(path, message, overloadActionFields);
  const kind = kinds.find((one) => message.name === prefix + one);
  if (message.triggers.length === 0) reader.problem(join(path, 'triggers'), 'missing');
  const triggers = message.triggers.flatMap(
    (trigger, index) => decodeTrigger(reader, join(path, `triggers[${index}]`), trigger, resources) ?? [],
  );
  if (kind === undefined) {
    reader.problem(join(path, 'name'), `"${message.name}" is not supported; known are ${kinds.join(', ')}`);
    return undefined;
  }
  if (kind !== 'reduce_timeouts') {
    if (message.typedConfig !== undefined) reader.problem(join(path, 'typed_config'), 'not supported');
    return { kind, triggers };
  }
  const minIdle = decodeTimers(reader, join(path, 'typed_config'), message.typedConfig);
  return { kind, triggers, ...(minIdle === undefined ? {} : { minIdle }) };
}

function decodeTrigger(
  reader: Reader,
  path: string,
  message: Trigger,
  resources: ReadonlySet<string>,
): OverloadTrigger | undefined {
  reader.only(path, message, triggerFields);
  const resource = reader.required(join(path, 'name'), message.name);
  if (!resources.has(resource)) reader.problem(join(path, 'name'), `there is no resource monitor "${resource}"`);
  const trigger = message.triggerOneof;
  switch (trigger?.$case) {
    case 'threshold': {
      const { value } = trigger.value;
      checkShare(reader, join(path, 'threshold.value'), value);
      return { kind: 'threshold', resource, value };
    }
    case 'scaled': {
      const { scalingThreshold: from, saturationThreshold: full } = trigger.value;
      checkShare(reader, join(path, 'scaled.scaling_threshold'), from);
      checkShare(reader, join(path, 'scaled.saturation_threshold'), full);
      if (full <= from) reader.problem(join(path, 'scaled.saturation_threshold'), 'must be above scaling_threshold');
      return { kind: 'scaled', resource, from, full };
    }
    default:
      reader.problem(path, 'one of threshold and scaled must be set');
      return undefined;
  }
}

function decodeTimers(reader: Reader, path: string, packed: Any | undefined): OverloadActionConfig['minIdle'] {
  const config = reader.unpack(path, packed, ScaleTimersOverloadActionConfig);
  if (config === undefined) return undefined;
  const [timer, ...more] = config.timerScaleFactors;
  const at = join(path, 'timer_scale_factors[0]');
  const { HTTP_DOWNSTREAM_CONNECTION_IDLE } = ScaleTimersOverloadActionConfig_TimerType;
  for (const index of more.keys()) reader.problem(join(path, `timer_scale_factors[${index + 1}]`), 'not supported');
  if (timer?.timer !== HTTP_DOWNSTREAM_CONNECTION_IDLE) {
    reader.problem(join(at, 'timer'), 'only HTTP_DOWNSTREAM_CONNECTION_IDLE is supported');
  }
  const adjust = timer?.overloadAdjust;
  switch (adjust?.$case) {
    case 'minTimeout':
      return { ms: reader.duration(join(at, 'min_timeout'), adjust.value, 0) };
    case 'minScale':
      checkShare(reader, join(at, 'min_scale.value'), adjust.value.value / 100);
      return { share: adjust.value.value / 100 };
    default:
      reader.problem(at, 'one of min_timeout and min_scale must be set');
      return undefined;
  }
}

function checkShare(reader: Reader, path: string, share: number): void {
  if (!(share >= 0 && share <= 1)) reader.problem(path, 'out of range');
}
