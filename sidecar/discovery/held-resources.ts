import type { Any } from '../../proto/gen/google/protobuf/any.ts';
import type { FileReference } from './decode-context.ts';
import { type ResourceType, resourceTypes } from './type-urls.ts';

/** A resource as it was last accepted, and what was wrong with a later version that was refused. */
export interface HeldResource {
  version: string;
  packed: Any;
  /** `static` for what the proxy was started with: no server changes it. */
  origin: 'static' | 'dynamic';
  /** Files with resources that it refers to. */
  files: readonly FileReference[];
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

  /** `initial_resource_versions` for a new stream: a server is not told of what it cannot change. */
  versions(type: ResourceType): Record<string, string> {
    return Object.fromEntries(
      [...this.of(type)].filter(([, { origin }]) => origin === 'dynamic').map(([name, { version }]) => [name, version]),
    );
  }
}
