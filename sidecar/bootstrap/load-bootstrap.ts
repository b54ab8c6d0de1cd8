import { Bootstrap } from '../../proto/gen/envoy/config/bootstrap/v3/bootstrap.ts';
import { Cluster } from '../../proto/gen/envoy/config/cluster/v3/cluster.ts';
import { Node } from '../../proto/gen/envoy/config/core/v3/base.ts';
import { Listener } from '../../proto/gen/envoy/config/listener/v3/listener.ts';
import { Secret } from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/secret.ts';
import { Resource } from '../../proto/gen/envoy/service/discovery/v3/discovery.ts';
import { createFindings, type DecodeContext, type FileReference, type LocalData } from '../discovery/decode-context.ts';
import { type AcceptedResource, decodeResources } from '../discovery/decode-response.ts';
import { Reader } from '../discovery/reader.ts';
import { type ResourceType, typeUrls } from '../discovery/type-urls.ts';
import { checkReferences } from './check-references.ts';
import { type ConfigText, type FileProblem, readConfigText } from './config-text.ts';
import { type BootstrapSettings, decodeBootstrap } from './decode-bootstrap.ts';
import { readResourceFile } from './read-resource-file.ts';
import { type StaticType, staticTypes } from './static-types.ts';

/** A bootstrap that can be started from. */
export interface LoadedBootstrap extends BootstrapSettings {
  readonly resources: Readonly<Record<StaticType, readonly Resource[]>>;
  /** What is set and passed over, with the reason. */
  readonly notes: readonly FileProblem[];
}

export interface BootstrapSource {
  /** For messages. */
  readonly file: string;
  readonly text: string;
  /** `--service-node` and `--service-cluster`; empty to take what the text says. */
  readonly nodeId: string;
  readonly nodeCluster: string;
  readonly local: LocalData;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export type BootstrapResult = { ok: true; value: LoadedBootstrap } | { ok: false; problems: readonly FileProblem[] };

/**
 * Reads and checks a whole Envoy bootstrap, with the files it refers to. Nothing is bound, connected to or resolved.
 * All problems are answered at once, in the order of the text.
 */
export function loadBootstrap(source: BootstrapSource): BootstrapResult {
  const text = readConfigText(source.file, source.text, 'envoy.config.bootstrap.v3.Bootstrap');
  if (!text.ok) return text;
  const message = Bootstrap.decode(text.value.bytes);
  if (source.nodeId !== '' || source.nodeCluster !== '') {
    const node = message.node ?? Node.fromPartial({});
    message.node = { ...node, id: source.nodeId || node.id, cluster: source.nodeCluster || node.cluster };
  }

  const context = { trustDomain: '', now: source.now, local: source.local, hasAds: hasAds(message) };
  const reader = new Reader({ ...context, findings: createFindings() });
  const settings = decodeBootstrap(reader, message);
  const problems = reader.problems.map((problem) => text.value.locate(problem, ''));
  const notes = reader.findings.notes.map(({ path, text: reason }) =>
    text.value.locate(`${path}: is passed over: ${reason}`, ''),
  );

  const resources = packResources(message);
  const decoded = staticTypes.flatMap(({ type, field }) =>
    decodeStatic(type, `static_resources.${field}`, resources[type], context, text.value, problems, notes),
  );
  problems.push(...checkReferences(decoded, resources, settings, text.value));
  const files = [settings.sources.cluster, settings.sources.listener].flatMap((one) =>
    one?.kind === 'file' ? [one.file] : [],
  );
  problems.push(...checkFiles([...files, ...decoded.flatMap(({ findings }) => findings.files)], context));
  // Envoy demands it everywhere.
  const told = notes.filter(({ field }) => !field.endsWith('stat_prefix'));
  if (problems.length === 0) return { ok: true, value: { ...settings, resources, notes: told } };
  const order = (one: FileProblem) => (one.file === source.file ? 0 : 1);
  return {
    ok: false,
    problems: problems.toSorted((a, b) => order(a) - order(b) || a.line - b.line || a.column - b.column),
  };
}

function hasAds(message: Bootstrap): boolean {
  return message.dynamicResources?.adsConfig !== undefined;
}

/** The static resources as if a server had sent them. */
function packResources(message: Bootstrap): Record<StaticType, Resource[]> {
  const { clusters = [], secrets = [], listeners = [] } = message.staticResources ?? {};
  const pack = (type: StaticType, name: string, value: Uint8Array): Resource =>
    Resource.fromPartial({ name, version: 'static', resource: { typeUrl: typeUrls[type], value: Buffer.from(value) } });
  for (const listener of listeners) if (listener.name === '') listener.name = addressOf(listener);
  return {
    cluster: clusters.map((one) => pack('cluster', one.name, Cluster.encode(one).finish())),
    secret: secrets.map((one) => pack('secret', one.name, Secret.encode(one).finish())),
    listener: listeners.map((one) => pack('listener', one.name, Listener.encode(one).finish())),
  };
}

/** A name for a listener that has none. */
function addressOf(listener: Listener): string {
  const address = listener.address?.address;
  if (address?.$case !== 'socketAddress') return '';
  const { address: ip, portSpecifier: port } = address.value;
  return `${ip}:${port?.$case === 'portValue' ? port.value : 0}`;
}

function decodeStatic(
  type: StaticType,
  path: string,
  resources: readonly Resource[],
  context: DecodeContext,
  text: ConfigText,
  problems: FileProblem[],
  notes: FileProblem[],
): AcceptedResource[] {
  const seen = new Map<string, number>();
  return resources.flatMap((resource, index) => {
    const at = `${path}[${index}]`;
    const { accepted, refused } = decodeResources(type, [resource], context);
    for (const one of refused) for (const problem of one.problems) problems.push(text.locate(problem, at));
    for (const { findings } of accepted) {
      for (const note of findings.notes) notes.push(text.locate(`${note.path}: is passed over: ${note.text}`, at));
    }
    const first = seen.get(resource.name);
    if (first !== undefined)
      problems.push(text.locate(`name: "${resource.name}" is that of ${path}[${first}], too`, at));
    seen.set(resource.name, first ?? index);
    return accepted;
  });
}

/** Reads the files that resources are in, and those that these lead to. */
function checkFiles(files: readonly FileReference[], context: DecodeContext): FileProblem[] {
  const pending = [...files];
  const done = new Set<string>();
  const problems: FileProblem[] = [];
  for (let file = pending.pop(); file !== undefined; file = pending.pop()) {
    if (context.local === undefined || done.has(keyOf(file))) continue;
    done.add(keyOf(file));
    const read = readResourceFile(file, context.local);
    if (!read.ok) {
      problems.push(...read.problems);
      continue;
    }
    const { accepted, refused } = decodeResources(file.type, read.resources, context);
    for (const { name, problems: found } of refused) {
      const index = read.resources.findIndex((resource) => resource.name === name);
      problems.push(...found.map((problem) => read.text.locate(problem, `resources[${index}]`)));
    }
    pending.push(...accepted.flatMap(({ findings }) => findings.files));
  }
  return problems;
}

function keyOf({ type, path }: { type: ResourceType; path: string }): string {
  return `${type} ${path}`;
}
