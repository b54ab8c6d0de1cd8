import { stringify } from 'yaml';
import type { Resource } from '../../proto/api/v1.ts';
import type { Registry } from '../registry/registry.ts';
import type { StoredObject } from '../store/store.ts';

const redacted = '<redacted>';

/** An object as it is read back: with its status, without its secrets. */
export function presentResource({ resource }: StoredObject, registry: Pick<Registry, 'statusOf'>): Resource {
  return { ...redact(resource), status: registry.statusOf(resource) };
}

/** Replaces every value of a Secret. */
export function redact(resource: Resource): Resource {
  if (resource.kind !== 'Secret') return resource;
  const hide = (values: Record<string, string> | undefined) =>
    values === undefined ? undefined : Object.fromEntries(Object.keys(values).map((key) => [key, redacted]));
  const { data, stringData, ...rest } = resource;
  return {
    ...rest,
    ...(data === undefined ? {} : { data: hide(data) }),
    ...(stringData === undefined ? {} : { stringData: hide(stringData) }),
  };
}

/** What a user would have written, as YAML, for a diff. A Secret's values are told apart only by whether they changed. */
export function toYaml(resource: Resource, before?: Resource): string {
  const { metadata, apiVersion, kind, status: _status, ...rest } = markChanges(resource, before);
  const { name, namespace, labels, annotations } = metadata;
  return stringify(
    {
      apiVersion,
      kind,
      metadata: {
        name,
        namespace,
        ...(labels === undefined ? {} : { labels }),
        ...(annotations === undefined ? {} : { annotations }),
      },
      ...rest,
    },
    { lineWidth: 0, aliasDuplicateObjects: false },
  );
}

function markChanges(resource: Resource, before: Resource | undefined): Resource {
  const hidden = redact(resource);
  for (const part of ['data', 'stringData'] as const) {
    for (const key of Object.keys(before === undefined ? {} : (hidden[part] ?? {}))) {
      const changed = resource[part]?.[key] !== before?.[part]?.[key];
      hidden[part] = { ...hidden[part], ...(changed ? { [key]: '<redacted, changed>' } : {}) };
    }
  }
  return hidden;
}
