import { DiscoveryResponse, Resource } from '../../proto/gen/envoy/service/discovery/v3/discovery.ts';
import type { FileReference, LocalData } from '../discovery/decode-context.ts';
import { resourceName } from '../discovery/resource-name.ts';
import { typeUrls } from '../discovery/type-urls.ts';
import { type ConfigText, type FileProblem, readConfigText } from './config-text.ts';

export type ResourceFile =
  | { ok: true; resources: readonly Resource[]; text: ConfigText }
  | { ok: false; problems: readonly FileProblem[] };

/** Reads a file of `path_config_source`: a `DiscoveryResponse` in YAML or JSON. */
export function readResourceFile({ type, path }: FileReference, local: LocalData): ResourceFile {
  let contents: string;
  try {
    contents = local.readFile(path).toString('utf8');
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { ok: false, problems: [{ file: path, line: 1, column: 1, field: '', message, hint: undefined }] };
  }
  const text = readConfigText(path, contents, 'envoy.service.discovery.v3.DiscoveryResponse');
  if (!text.ok) return text;
  const response = DiscoveryResponse.decode(text.value.bytes);
  const problems: FileProblem[] = [];
  const resources = response.resources.map((packed, index) => {
    if (packed.typeUrl !== typeUrls[type]) {
      problems.push(text.value.at(['resources', index], `holds a ${packed.typeUrl}`, `it must be a ${typeUrls[type]}`));
    }
    return Resource.fromPartial({ name: resourceName(packed.value), version: response.versionInfo, resource: packed });
  });
  return problems.length > 0 ? { ok: false, problems } : { ok: true, resources, text: text.value };
}
