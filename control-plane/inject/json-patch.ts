import type { Additions } from './additions.ts';
import { annotationsOf, type Pod } from './pod.ts';

/** One operation of RFC 6902. */
export interface PatchOperation {
  op: 'add';
  path: string;
  value: unknown;
}

/** A reference token of RFC 6901: `~` and `/` are escaped. */
const token = (text: string): string => text.replaceAll('~', '~0').replaceAll('/', '~1');

/** The additions as a JSON Patch of the pod; missing parents are made. */
export function toJsonPatch(pod: Pod, additions: Additions): PatchOperation[] {
  const patch: PatchOperation[] = [];
  const add = (path: string, value: unknown) => patch.push({ op: 'add', path, value });

  if (pod.metadata == null) add('/metadata', {});
  if (Object.keys(annotationsOf(pod)).length === 0) add('/metadata/annotations', additions.annotations);
  else
    for (const [name, value] of Object.entries(additions.annotations))
      add(`/metadata/annotations/${token(name)}`, value);

  if (pod.spec.initContainers == null) add('/spec/initContainers', additions.initContainers);
  else
    for (const [index, container] of additions.initContainers.entries())
      add(`/spec/initContainers/${index}`, container);

  if (pod.spec.volumes == null) add('/spec/volumes', additions.volumes);
  else for (const volume of additions.volumes) add('/spec/volumes/-', volume);
  return patch;
}
