import type { Any } from '../../proto/gen/google/protobuf/any.ts';
import { type ResourceType, resourceTypes } from './type-urls.ts';

/** A resource as it was last accepted, and what was wrong with a later version that was refused. */
export interface HeldResource {
  version: string;
  packed: Any;
  /** Milliseconds since the epoch. */
  updatedAt: number;
  refused: { version: string; details: string; at: number } | undefined;
}

/** The resources this proxy has accepted, by type and name: what it tells the server on a new stream. */
export class HeldResources {
  readonly #types = new Map<ResourceType, Map<string, HeldResource>>(resourceTypes.map((type) => [type, new Map()]));

  of(type: ResourceType): Map<string, HeldResource> {
    return this.#types.get(type) as Map<string, HeldResource>;
  }

  /** `initial_resource_versions` for a new stream. */
  versions(type: ResourceType): Record<string, string> {
    return Object.fromEntries([...this.of(type)].map(([name, { version }]) => [name, version]));
  }
}
