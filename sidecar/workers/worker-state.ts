import type { EndpointConfig } from '../cluster/cluster-config.ts';
import type { Secret, SecretSource } from '../tls/secret.ts';
import type { RawResource } from './worker-messages.ts';
import type { WorkerProcess } from './worker-process.ts';

/** A listener as every worker has it, or shall have it. */
export interface WantedListener {
  readonly resource: RawResource;
  /** The port in use; 0 before the first worker has bound it. */
  port: number;
}

/** Everything that workers were told and that still holds: what a new one must be told to be like the others. */
export class WorkerState {
  readonly secrets = new Set<string>();
  readonly clusters = new Map<string, { resource: RawResource; endpoints: readonly EndpointConfig[] | undefined }>();
  readonly tables = new Map<string, RawResource>();
  readonly listeners = new Map<string, WantedListener>();

  /** Tells a new worker all of it, in an order that works; resolves when it accepts connections everywhere. */
  async replay(worker: WorkerProcess, secrets: SecretSource): Promise<void> {
    for (const name of this.secrets) {
      const secret: Secret | undefined = secrets.get(name);
      if (secret !== undefined) worker.tell({ kind: 'secret', secret });
    }
    for (const [name, { resource, endpoints }] of this.clusters) {
      worker.tell({ kind: 'set', resource });
      if (endpoints !== undefined) worker.tell({ kind: 'endpoints', name, endpoints });
    }
    for (const resource of this.tables.values()) worker.tell({ kind: 'set', resource });
    await Promise.all([...this.clusters.keys()].map((name) => worker.ask({ kind: 'resolved', name })));
    // One that no worker has bound yet is under way, and comes to this one with the others.
    const bound = [...this.listeners.values()].filter(({ port }) => port !== 0);
    await Promise.all(bound.map(({ resource, port }) => worker.ask({ kind: 'listen', resource, port })));
  }
}
