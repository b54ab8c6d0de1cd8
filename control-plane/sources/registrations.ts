import type { Clock } from '../../lib/clock.ts';
import { formatPath } from '../../lib/field-path.ts';
import type { Log } from '../../lib/log.ts';
import type { Resource } from '../../proto/api/v1.ts';
import { kindNamed } from '../config/kinds.ts';
import { validateObject } from '../config/validate.ts';
import type { WorkloadHealth } from '../registry/join-workloads.ts';
import { compare } from '../registry/object-index.ts';
import type { Store, StoredObject } from '../store/store.ts';
import { ConnectionTracker } from './connection-tracker.ts';
import {
  type RegisteredWorkload,
  registeredService,
  toServiceResource,
  toWorkloadResource,
} from './registered-workload.ts';

/** Owner of objects that sidecars register. */
export const registrationSource = 'registration';

/** A registration that cannot be kept, with the reason for the sidecar. */
export class RegistrationError extends Error {
  override readonly name = 'RegistrationError';
  /** `invalid`: the workload is not well-formed. `conflict`: the name is another identity's. */
  readonly code: 'invalid' | 'conflict';

  constructor(code: 'invalid' | 'conflict', message: string) {
    super(message);
    this.code = code;
  }
}

/** How sidecars' registrations become objects, and their connections health. */
export interface Registrations {
  /**
   * Creates or replaces the Workload, and its Service when it names one that does not exist. Durable when it returns.
   * Throws {@link RegistrationError}, or a StoreError when the disk fails.
   */
  register(workload: RegisteredWorkload): void;
  /** Removes the Workload; does nothing when there is none. */
  deregister(namespace: string, name: string): void;
  /** Tells that the sidecar's first ADS stream opened, or its last one ended. Kept in memory only. */
  setConnected(namespace: string, name: string, connected: boolean): void;
}

const tickMs = 1_000;

/**
 * {@link Registrations} over the store. A registered workload whose stream is gone for 10 s gets no requests, and
 * after 10 minutes it is removed. For 30 s after its own start the control plane takes every one for healthy, so that
 * its restart takes no endpoint away.
 */
export class StoredRegistrations implements Registrations, WorkloadHealth {
  readonly #store: Store;
  readonly #log: Log;
  readonly #connections: ConnectionTracker;
  readonly #listeners = new Set<() => void>();
  readonly #interval: NodeJS.Timeout;
  readonly #endWatch: () => void;
  /** Keys of registered workloads that get no requests. */
  #unhealthy: ReadonlySet<string> = new Set();

  constructor(store: Store, clock: Clock, log: Log) {
    this.#store = store;
    this.#log = log;
    this.#connections = new ConnectionTracker(clock);
    for (const { resource, source } of store.list('Workload')) {
      if (source === registrationSource) this.#connections.add(keyOf(resource));
    }
    this.#endWatch = store.watch((changes) => {
      // Who removes a Service of their own gives the place back to the one made for the workloads.
      if (changes.some((change) => change.kind === 'Service' && change.stored === undefined)) this.#makeServices();
    });
    this.#interval = setInterval(() => this.tick(), tickMs).unref();
  }

  register(workload: RegisteredWorkload): void {
    const resource = toWorkloadResource(workload);
    const problem = firstProblem(resource);
    if (problem !== undefined) throw new RegistrationError('invalid', `workload ${keyOf(resource)}: ${problem}`);
    this.#store.transaction(() => {
      const existing = this.#store.get('Workload', workload.namespace, workload.name);
      const owner = (existing?.resource.spec as { serviceAccount?: string } | undefined)?.serviceAccount ?? 'default';
      if (existing !== undefined && owner !== workload.serviceAccount) {
        const message = `workload ${keyOf(resource)} belongs to service account ${owner}`;
        throw new RegistrationError('conflict', message);
      }
      // A Workload that someone wrote by hand says what they want; the registration only proves that it is there.
      if (existing !== undefined && existing.source !== registrationSource) return;
      this.#store.put(resource, registrationSource);
      this.#makeService(registeredService(resource));
      const former = existing === undefined ? undefined : registeredService(existing.resource);
      if (former !== registeredService(resource)) this.#makeService(former);
    });
    this.#connections.add(keyOf(resource));
  }

  deregister(namespace: string, name: string): void {
    const existing = this.#store.get('Workload', namespace, name);
    this.#connections.remove(`${namespace}/${name}`);
    if (existing?.source !== registrationSource) return;
    this.#store.transaction(() => {
      this.#store.delete('Workload', namespace, name);
      this.#makeService(registeredService(existing.resource));
    });
  }

  setConnected(namespace: string, name: string, connected: boolean): void {
    this.#connections.set(`${namespace}/${name}`, connected);
    if (connected) this.tick();
  }

  isHealthy(namespace: string, name: string): boolean {
    return !this.#unhealthy.has(`${namespace}/${name}`);
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Looks at the time; its own interval calls this each second, and a test with a fake clock calls it itself. */
  tick(): void {
    const { unhealthy, lost } = this.#connections.check();
    const changed = unhealthy.size !== this.#unhealthy.size || [...unhealthy].some((key) => !this.#unhealthy.has(key));
    this.#unhealthy = unhealthy;
    if (changed) for (const listener of [...this.#listeners]) listener();
    for (const key of lost) {
      const [namespace = '', name = ''] = key.split('/');
      this.#log.info('workload removed: its sidecar has been away too long', { workload: key });
      try {
        this.deregister(namespace, name);
      } catch (error) {
        // Tried again at the next tick; the disk may have room by then.
        this.#connections.add(key);
        this.#log.error('workload could not be removed', { workload: key, error: String(error) });
      }
    }
  }

  close(): void {
    clearInterval(this.#interval);
    this.#endWatch();
  }

  #makeServices(): void {
    try {
      const keys = new Set(this.#registered().map(({ resource }) => registeredService(resource)));
      this.#store.transaction(() => {
        for (const key of keys) this.#makeService(key);
      });
    } catch (error) {
      this.#log.error('services of registered workloads could not be made', { error: String(error) });
    }
  }

  /** Makes, changes or removes the Service of registered workloads; one that somebody else wrote is left alone. */
  #makeService(key: string | undefined): void {
    if (key === undefined) return;
    const [namespace = '', name = ''] = key.split('/');
    const existing = this.#store.get('Service', namespace, name);
    if (existing !== undefined && existing.source !== registrationSource) return;
    const members = this.#registered()
      .map(({ resource }) => resource)
      .filter((resource) => registeredService(resource) === key)
      .sort((a, b) => compare(age(a), age(b)));
    const service = toServiceResource(key, members);
    if (service === undefined) {
      this.#store.delete('Service', namespace, name);
      return;
    }
    const problem = firstProblem(service);
    if (problem !== undefined) throw new RegistrationError('invalid', `service ${key}: ${problem}`);
    this.#store.put(service, registrationSource);
  }

  #registered(): readonly StoredObject[] {
    return this.#store.list('Workload').filter(({ source }) => source === registrationSource);
  }
}

function age(resource: Resource): string {
  return `${resource.metadata.creationTimestamp} ${resource.metadata.name}`;
}

function keyOf(resource: Resource): string {
  return `${resource.metadata.namespace}/${resource.metadata.name}`;
}

function firstProblem(resource: Resource): string | undefined {
  const kind = kindNamed(resource.kind);
  if (kind === undefined) return `unknown kind ${resource.kind}`;
  const [problem] = validateObject(kind, resource).problems;
  return problem === undefined ? undefined : `${formatPath(problem.path)}: ${problem.message}`;
}
