import { gatewayClassName } from '../model/gateway.ts';
import type { HttpRoute, ParentRef } from '../model/http-route.ts';
import { portProtocol } from '../model/service.ts';
import { intersectHostnames } from './hostname-match.ts';
import { joinRules } from './join-rules.ts';
import type { MeshRoute, MeshRule } from './mesh-snapshot.ts';
import type { Entry, ObjectIndex } from './object-index.ts';
import type { ConditionDraft, StatusCollector } from './status-collector.ts';

/** Routes where they hold, oldest first. */
export interface AttachedRoutes {
  /** By `<namespace>/<name>` of the service. */
  readonly services: ReadonlyMap<string, readonly MeshRoute[]>;
  /** By `<namespace>/<name>/<listener>` of the gateway. */
  readonly listeners: ReadonlyMap<string, readonly MeshRoute[]>;
}

/** Attaches every HTTPRoute to the parents that take it, and tells it about those that do not. */
export function attachRoutes(objects: ObjectIndex, status: StatusCollector): AttachedRoutes {
  const attachment = new Attachment(objects);
  for (const entry of objects.all('HTTPRoute')) {
    const { rules, problems } = joinRules(entry, objects);
    for (const ref of entry.object.spec.parentRefs) {
      const accepted =
        ref.kind === 'Service' ? attachment.toService(entry, ref, rules) : attachment.toGateway(entry, ref, rules);
      const conditions = [accepted, ...(problems.length === 0 ? [resolved] : problems)];
      status.parent(entry.origin, { parentRef: ref, conditions });
      for (const { type, status: value, reason, message } of conditions) {
        if (value === 'True') status.ok(entry.origin, type, reason, message);
        else status.problem(entry.origin, type, reason, message);
      }
    }
  }
  return attachment;
}

const resolved: ConditionDraft = {
  type: 'ResolvedRefs',
  status: 'True',
  reason: 'ResolvedRefs',
  message: 'every reference is resolved',
};

function accept(message: string): ConditionDraft {
  return { type: 'Accepted', status: 'True', reason: 'Accepted', message };
}

function refuse(reason: string, message: string): ConditionDraft {
  return { type: 'Accepted', status: 'False', reason, message };
}

class Attachment implements AttachedRoutes {
  readonly services = new Map<string, MeshRoute[]>();
  readonly listeners = new Map<string, MeshRoute[]>();
  readonly #objects: ObjectIndex;
  /** Namespace that owns a host of a gateway's port, by `<gateway>/<port>/<host>`; the first route takes it. */
  readonly #hostOwners = new Map<string, Entry<HttpRoute>>();

  constructor(objects: ObjectIndex) {
    this.#objects = objects;
  }

  /** GAMMA, producer routes: only a service's own namespace may route for it, or any tenant could take its traffic. */
  toService(entry: Entry<HttpRoute>, ref: ParentRef, rules: readonly MeshRule[]): ConditionDraft {
    const namespace = ref.namespace ?? entry.namespace;
    const key = `${namespace}/${ref.name}`;
    if (namespace !== entry.namespace) {
      return refuse('NotAllowedByParent', `a route for Service ${key} must be in its namespace`);
    }
    const service = this.#objects.get('Service', namespace, ref.name);
    if (service === undefined) return refuse('NoMatchingParent', `no Service ${key} exists`);
    const ports = service.object.spec.ports.filter(
      (port) =>
        (ref.port === undefined || port.port === ref.port) &&
        (ref.sectionName === undefined || port.name === ref.sectionName),
    );
    if (ports.length === 0) return refuse('NoMatchingParent', `Service ${key} has no such port`);
    if (ports.every((port) => portProtocol(port) !== 'http')) {
      return refuse('NotAllowedByListeners', `Service ${key} is TCP; an HTTPRoute cannot route it`);
    }
    const base = meshRoute(entry, rules, []);
    const narrowed = ref.port !== undefined || ref.sectionName !== undefined;
    for (const port of ports) {
      add(this.services, key, narrowed ? { ...base, parentPort: port.port } : base);
      if (!narrowed) break;
    }
    return accept(`attached to Service ${key}`);
  }

  toGateway(entry: Entry<HttpRoute>, ref: ParentRef, rules: readonly MeshRule[]): ConditionDraft {
    const namespace = ref.namespace ?? entry.namespace;
    const key = `${namespace}/${ref.name}`;
    const gateway = this.#objects.get('Gateway', namespace, ref.name);
    if (gateway === undefined) return refuse('NoMatchingParent', `no Gateway ${key} exists`);
    const { spec } = gateway.object;
    if (spec.gatewayClassName !== gatewayClassName) {
      return refuse('NoMatchingParent', `Gateway ${key} is of class ${spec.gatewayClassName}, not ${gatewayClassName}`);
    }
    const named = spec.listeners.filter(
      (listener) =>
        (ref.sectionName === undefined || listener.name === ref.sectionName) &&
        (ref.port === undefined || listener.port === ref.port),
    );
    if (named.length === 0) return refuse('NoMatchingParent', `Gateway ${key} has no such listener`);
    const open = named.filter(
      ({ allowedRoutes }) => (allowedRoutes?.namespaces?.from ?? 'Same') === 'All' || namespace === entry.namespace,
    );
    if (open.length === 0) {
      const message = `no listener of Gateway ${key} takes routes of namespace ${entry.namespace} (allowedRoutes)`;
      return refuse('NotAllowedByListeners', message);
    }
    const conflicts: string[] = [];
    let attached = 0;
    for (const listener of open) {
      const hostnames = intersectHostnames(listener.hostname ?? '', entry.object.spec.hostnames ?? []);
      if (hostnames === undefined) continue;
      const owned = this.#ownHosts(entry, `${key}/${listener.port}`, hostnames, conflicts);
      if (owned === undefined) continue;
      add(this.listeners, `${key}/${listener.name}`, meshRoute(entry, rules, owned));
      attached++;
    }
    if (conflicts.length > 0) return refuse('HostnameConflict', conflicts.join('; '));
    if (attached === 0) {
      return refuse('NoMatchingListenerHostname', `no listener of Gateway ${key} has one of its hostnames`);
    }
    return accept(`attached to Gateway ${key}`);
  }

  /** A host belongs to the namespace of the oldest route that names it (CF-10): nobody can take another's traffic. */
  #ownHosts(
    entry: Entry<HttpRoute>,
    port: string,
    hostnames: readonly string[],
    conflicts: string[],
  ): readonly string[] | undefined {
    const owned: string[] = [];
    for (const host of hostnames.length === 0 ? ['*'] : hostnames) {
      const owner = this.#hostOwners.get(`${port}/${host}`);
      if (owner === undefined) this.#hostOwners.set(`${port}/${host}`, entry);
      if (owner === undefined || owner.namespace === entry.namespace) owned.push(host);
      else conflicts.push(`host ${host} belongs to namespace ${owner.namespace} (${owner.origin} is older)`);
    }
    if (owned.length === 0) return undefined;
    return hostnames.length === 0 ? [] : owned;
  }
}

function meshRoute(entry: Entry<HttpRoute>, rules: readonly MeshRule[], hostnames: readonly string[]): MeshRoute {
  return { origin: entry.origin, namespace: entry.namespace, hostnames, createdAt: entry.createdAt, rules };
}

function add(map: Map<string, MeshRoute[]>, key: string, route: MeshRoute): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [route]);
  else list.push(route);
}
