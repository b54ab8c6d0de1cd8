import type { ConfigSource } from '../../proto/gen/envoy/config/core/v3/config_source.ts';
import {
  ConfigSource as ConfigSourceCodec,
  PathConfigSource,
} from '../../proto/gen/envoy/config/core/v3/config_source.ts';
import { fieldsOf } from './message-fields.ts';
import { join, type Reader } from './reader.ts';
import type { ResourceType } from './type-urls.ts';

const versionThree = 'version 3 is the only one spoken';

export const configSourceFields = fieldsOf(ConfigSourceCodec, {
  supported: [
    'configSourceSpecifier.ads',
    'configSourceSpecifier.self',
    'configSourceSpecifier.path',
    'configSourceSpecifier.pathConfigSource',
  ],
  ignored: {
    initialFetchTimeout: 'what is referred to is waited for 15 s',
    resourceApiVersion: versionThree,
  },
  limits: {
    'configSourceSpecifier.path': 'in a bootstrap file and what it leads to',
    'configSourceSpecifier.pathConfigSource': 'in a bootstrap file and what it leads to',
  },
});

export const pathSourceFields = fieldsOf(PathConfigSource, { supported: ['path', 'watchedDirectory'] });

/**
 * Checks where resources of a type come from: by the aggregated stream, which an unset source means too, or from a
 * file, which is noted to be watched.
 */
export function checkSource(reader: Reader, path: string, source: ConfigSource | undefined, type: ResourceType): void {
  const specifier = source?.configSourceSpecifier;
  if (source !== undefined) reader.only(path, source, configSourceFields);
  if (specifier?.$case === 'ads' && reader.context.hasAds === false) {
    reader.problem(join(path, 'ads'), 'there is no dynamic_resources.ads_config');
  }
  if (specifier?.$case !== 'path' && specifier?.$case !== 'pathConfigSource') return;
  const at = join(path, specifier.$case === 'path' ? 'path' : 'path_config_source');
  if (reader.context.local === undefined) {
    reader.problem(at, 'not supported here: only a bootstrap file may name files');
  } else if (specifier.$case === 'path') {
    reader.findings.files.push({ type, path: reader.required(at, specifier.value), watchedDirectory: undefined });
  } else {
    reader.only(at, specifier.value, pathSourceFields);
    const file = reader.required(join(at, 'path'), specifier.value.path);
    reader.findings.files.push({ type, path: file, watchedDirectory: specifier.value.watchedDirectory?.path });
  }
}
