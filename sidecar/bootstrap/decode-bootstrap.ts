import {
  Admin,
  Bootstrap,
  Bootstrap_DynamicResources,
  Bootstrap_StaticResources,
  LayeredRuntime,
  RuntimeLayer,
} from '../../proto/gen/envoy/config/bootstrap/v3/bootstrap.ts';
import { type Node, Node as NodeCodec } from '../../proto/gen/envoy/config/core/v3/base.ts';
import type { ConfigSource } from '../../proto/gen/envoy/config/core/v3/config_source.ts';
import { decodeAddress, type IpAddress } from '../discovery/decode-address.ts';
import type { FileReference } from '../discovery/decode-context.ts';
import { decodeOverload } from '../discovery/decode-overload.ts';
import { checkSource } from '../discovery/decode-source.ts';
import { fieldsOf } from '../discovery/message-fields.ts';
import { join, type Reader } from '../discovery/reader.ts';
import type { OverloadConfig } from '../overload/overload-config.ts';
import { type AdsSource, decodeAds } from './decode-ads.ts';

const byFlags = 'the log is set by flags';
const atScrape = 'metrics are read when someone scrapes them';

export const bootstrapFields = fieldsOf(Bootstrap, {
  supported: ['node', 'staticResources', 'dynamicResources', 'admin', 'overloadManager'],
  ignored: {
    flagsPath: 'there are no flags of the runtime',
    statsConfig: 'metrics have names of their own, with labels',
    statsFlushInterval: atScrape,
    'statsFlush.statsFlushOnAdmin': atScrape,
    statsServerVersionOverride: atScrape,
    deferredStatOptions: atScrape,
    enableDispatcherStats: 'the delay of the event loop is always measured',
    watchdog: 'an event loop cannot watch itself',
    watchdogs: 'an event loop cannot watch itself',
    layeredRuntime: 'there is no runtime: what a runtime key could change has its default',
    defaultRegexEngine: 'expressions are those of RE2',
    inlineHeaders: 'all headers are kept alike',
    applicationLogConfig: byFlags,
    grpcAsyncClientManagerConfig: 'one stream is made and kept',
    memoryAllocatorManager: 'memory is the business of V8',
  },
});

export const staticResourcesFields = fieldsOf(Bootstrap_StaticResources, {
  supported: ['listeners', 'clusters', 'secrets'],
});

export const dynamicResourcesFields = fieldsOf(Bootstrap_DynamicResources, {
  supported: ['ldsConfig', 'cdsConfig', 'adsConfig'],
});

export const adminFields = fieldsOf(Admin, {
  supported: ['address'],
  ignored: {
    accessLog: 'requests to the admin port are not logged',
    accessLogPath: 'requests to the admin port are not logged',
    profilePath: 'profiles are taken with Node’s own tools',
    ignoreGlobalConnLimit: 'the admin port has a limit of its own',
  },
});

export const nodeFields = fieldsOf(NodeCodec, {
  supported: ['id', 'cluster', 'metadata', 'locality', 'extensions', 'clientFeatures', 'dynamicParameters'],
  ignored: {
    userAgentName: 'the proxy says what it is',
    userAgentVersionType: 'the proxy says what it is',
    listeningAddresses: 'the server is not told',
  },
});

export const layeredRuntimeFields = fieldsOf(LayeredRuntime, {
  supported: [],
  ignored: { layers: 'there is no runtime' },
});

export const runtimeLayerFields = fieldsOf(RuntimeLayer, {
  supported: ['name'],
  ignored: {
    'layerSpecifier.staticLayer': 'there is no runtime',
    'layerSpecifier.adminLayer': 'there is no runtime',
  },
});

/** Where clusters or listeners come from besides the bootstrap itself. */
export type DynamicSource = { kind: 'ads' } | { kind: 'file'; file: FileReference };

/** What a bootstrap says besides its static resources. */
export interface BootstrapSettings {
  readonly node: Node;
  /** `undefined` for no admin port. */
  readonly admin: IpAddress | undefined;
  readonly ads: AdsSource | undefined;
  /** `undefined` for the defaults. */
  readonly overload: OverloadConfig | undefined;
  readonly sources: { readonly cluster: DynamicSource | undefined; readonly listener: DynamicSource | undefined };
}

/** Reads all of a bootstrap but the static resources; problems are left in `reader`. */
export function decodeBootstrap(reader: Reader, message: Bootstrap): BootstrapSettings {
  reader.only('', message, bootstrapFields);
  const { node, dynamicResources: dynamic, admin, staticResources } = message;
  if (node !== undefined) reader.only('node', node, nodeFields);
  if (staticResources !== undefined) reader.only('static_resources', staticResources, staticResourcesFields);
  if (dynamic !== undefined) reader.only('dynamic_resources', dynamic, dynamicResourcesFields);
  if (admin !== undefined) reader.only('admin', admin, adminFields);
  for (const [index, layer] of (message.layeredRuntime?.layers ?? []).entries()) {
    reader.only(`layered_runtime.layers[${index}]`, layer, runtimeLayerFields);
  }
  const ads =
    dynamic?.adsConfig === undefined
      ? undefined
      : decodeAds(reader, 'dynamic_resources.ads_config', dynamic.adsConfig, staticResources?.clusters ?? []);
  if (ads !== undefined && (node === undefined || node.id === '' || node.cluster === '')) {
    reader.problem('node', 'id and cluster must be set for ads_config; or use --service-node and --service-cluster');
  }
  return {
    node: node ?? NodeCodec.fromPartial({}),
    // Envoy has no admin port unless it is told an address.
    admin: admin?.address === undefined ? undefined : decodeAddress(reader, 'admin.address', admin.address, 0),
    ads,
    overload:
      message.overloadManager === undefined
        ? undefined
        : decodeOverload(reader, 'overload_manager', message.overloadManager),
    sources: {
      cluster: readSource(reader, 'dynamic_resources.cds_config', dynamic?.cdsConfig, 'cluster'),
      listener: readSource(reader, 'dynamic_resources.lds_config', dynamic?.ldsConfig, 'listener'),
    },
  };
}

function readSource(
  reader: Reader,
  path: string,
  source: ConfigSource | undefined,
  type: 'cluster' | 'listener',
): DynamicSource | undefined {
  if (source === undefined) return undefined;
  const before = reader.findings.files.length;
  checkSource(reader, path, source, type);
  const [file] = reader.findings.files.splice(before);
  if (file !== undefined) return { kind: 'file', file };
  const kind = source.configSourceSpecifier?.$case;
  if (kind === 'ads') return { kind: 'ads' };
  reader.problem(kind === 'self' ? join(path, 'self') : path, 'must be ads or path_config_source');
  return undefined;
}
