import type { FieldPath } from '../../lib/field-path.ts';
import { nearest } from '../../lib/nearest.ts';
import type { Resource } from '../../proto/gen/envoy/service/discovery/v3/discovery.ts';
import { inlinePrefix } from '../discovery/decode-inline-secret.ts';
import { needsOf } from '../discovery/decode-listener.ts';
import type { AcceptedResource } from '../discovery/decode-response.ts';
import { type ConfigText, type FileProblem, findWord } from './config-text.ts';
import type { BootstrapSettings } from './decode-bootstrap.ts';
import type { StaticType } from './static-types.ts';

/**
 * Finds names that nothing answers to: clusters, when none can come later, and secrets and route tables, when there is
 * neither a stream nor a file for them. A server may send what is missing, a bootstrap may not leave it out.
 */
export function checkReferences(
  resources: readonly AcceptedResource[],
  written: Readonly<Record<StaticType, readonly Resource[]>>,
  { sources, ads }: BootstrapSettings,
  text: ConfigText,
): FileProblem[] {
  const problems: FileProblem[] = [];
  // One that is wrong itself is there all the same.
  const namesOf = (type: StaticType) => written[type].map(({ name }) => name);
  const clusters = namesOf('cluster');
  const secrets = namesOf('secret');
  const missing = (
    from: AcceptedResource,
    keys: readonly string[],
    what: string,
    name: string,
    known: string[],
  ): void => {
    const type = from.type === 'listener' ? 'listener' : 'cluster';
    const path: FieldPath = ['static_resources', `${type}s`, namesOf(type).indexOf(from.name)];
    const whole = valueAt(text.value, path);
    const similar = nearest(name, known);
    const hint = similar === undefined ? undefined : `did you mean "${similar}"?`;
    problems.push(text.at(findWord(whole, keys, name, path) ?? path, `no ${what} is named "${name}"`, hint));
  };
  for (const resource of resources) {
    const filed = new Set(
      resource.type === 'listener' || resource.type === 'cluster'
        ? resource.findings.files.map(({ type }) => type)
        : [],
    );
    if (resource.type === 'listener') {
      const needs = needsOf(resource.value);
      if (sources.cluster === undefined) {
        for (const name of needs.clusters) {
          if (!clusters.includes(name)) missing(resource, ['cluster', 'name'], 'cluster', name, clusters);
        }
      }
      if (ads === undefined && !filed.has('route')) {
        for (const name of needs.tables) {
          missing(resource, ['route_config_name', 'routeConfigName'], 'source for the route table', name, []);
        }
      }
    }
    if (ads !== undefined || filed.has('secret')) continue;
    for (const name of secretsOf(resource)) {
      if (!name.startsWith(inlinePrefix) && !secrets.includes(name))
        missing(resource, ['name'], 'secret', name, secrets);
    }
  }
  return problems;
}

function secretsOf(resource: AcceptedResource): Iterable<string> {
  if (resource.type === 'listener') return needsOf(resource.value).secrets;
  if (resource.type !== 'cluster') return [];
  const { tls } = resource.value.config;
  return tls === undefined ? [] : [tls.certificateSecret, tls.validationSecret].filter((name) => name !== '');
}

function valueAt(value: unknown, path: FieldPath): unknown {
  let at = value;
  for (const part of path) {
    if (typeof at !== 'object' || at === null) return undefined;
    const keys = at as Record<string | number, unknown>;
    at = keys[part] ?? keys[String(part).replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())];
  }
  return at;
}
