import type { Clock } from '../../lib/clock.ts';
import { Watch } from '../../lib/watch.ts';
import type { Resource } from '../../proto/api/v1.ts';
import { objectKey } from '../model/mesh-object.ts';
import type { Store } from '../store/store.ts';
import { ConditionTransitions } from './condition-transitions.ts';
import { joinMesh } from './join-mesh.ts';
import type { WorkloadHealth } from './join-workloads.ts';
import type { MeshSnapshot } from './mesh-snapshot.ts';
import { ObjectIndex } from './object-index.ts';
import { shareStructure } from './share-structure.ts';
import { type ConditionDraft, parentOwner, StatusCollector } from './status-collector.ts';

export interface RegistryOptions {
  readonly store: Store;
  /** Which workloads take requests, and a way to hear of changes. */
  readonly health: WorkloadHealth & { subscribe(listener: () => void): () => void };
  readonly trustDomain: string;
  readonly clock: Clock;
}

/**
 * The one owner of the mesh's state: follows the store and the workloads' health, joins them into a snapshot and
 * publishes it when, and only when, something is different. Joining is O(objects); it happens once for each
 * transaction.
 */
export class Registry {
  readonly snapshots: Watch<MeshSnapshot>;
  readonly #objects = new ObjectIndex();
  readonly #options: RegistryOptions;
  readonly #endings: (() => void)[];
  readonly #transitions = new ConditionTransitions();
  #status = new StatusCollector();

  constructor(options: RegistryOptions) {
    this.#options = options;
    const { store, health, trustDomain } = options;
    this.snapshots = new Watch<MeshSnapshot>({
      revision: 0,
      trustDomain,
      services: new Map(),
      workloads: new Map(),
      gateways: new Map(),
      tlsSecrets: new Map(),
      peerAuthentication: [],
    });
    this.#objects.apply(
      store.list().map((stored) => {
        const { namespace, name } = stored.resource.metadata;
        return { kind: stored.resource.kind, namespace, name, stored };
      }),
    );
    this.#join();
    this.#endings = [
      store.watch((changes) => {
        this.#objects.apply(changes);
        this.#join();
      }),
      health.subscribe(() => this.#join()),
    ];
  }

  /** What the control plane has to say about an object: `status.conditions`, and `status.parents` for routes. */
  statusOf(resource: Pick<Resource, 'kind' | 'metadata'>): NonNullable<Resource['status']> {
    const origin = objectKey(resource.kind, resource.metadata.namespace, resource.metadata.name);
    const { conditions, parents } = this.#status.of(origin);
    const dated = (owner: string, drafts: readonly ConditionDraft[]) =>
      drafts.map((draft) => ({ ...draft, lastTransitionTime: this.#transitions.since(owner, draft) }));
    if (parents.length === 0) return { conditions: dated(origin, conditions) };
    return {
      conditions: dated(origin, conditions),
      parents: parents.map((parent) => ({
        parentRef: parent.parentRef,
        controllerName: 'heddle.dev/control-plane',
        conditions: dated(parentOwner(origin, parent.parentRef), parent.conditions),
      })),
    };
  }

  close(): void {
    for (const end of this.#endings) end();
  }

  #join(): void {
    const status = new StatusCollector();
    const previous = this.snapshots.value;
    const { health, trustDomain } = this.#options;
    const next = shareStructure(previous, {
      ...joinMesh(this.#objects, health, trustDomain, status),
      revision: previous.revision,
    });
    this.#status = status;
    this.#transitions.update(status.all(), this.#options.clock.wallTime());
    if (next !== previous) this.snapshots.set({ ...next, revision: previous.revision + 1 });
  }
}
