import type { PeerAuthentication } from '../model/peer-authentication.ts';
import { meshNamespace } from '../model/traffic-policy.ts';
import { selects } from './label-selector.ts';
import type { PeerAuthenticationRule } from './mesh-snapshot.ts';
import type { Entry, ObjectIndex } from './object-index.ts';
import type { StatusCollector } from './status-collector.ts';

type Mode = PeerAuthenticationRule['mode'];

/** Rules in the order in which they are to be tried: for some workloads, for a namespace, for the mesh; oldest first. */
export function joinPeerAuthentication(
  objects: ObjectIndex,
  status: StatusCollector,
): readonly PeerAuthenticationRule[] {
  const entries = objects.all('PeerAuthentication');
  const isWide = (entry: Entry<PeerAuthentication>) => Object.keys(labelsOf(entry)).length === 0;
  const wide = new Map<string, { mode: Mode; origin: string }>();
  for (const entry of entries.filter(isWide)) {
    const first = wide.get(scope(entry));
    const mode = entry.object.spec.mtls?.mode;
    if (first !== undefined) {
      status.problem(entry.origin, 'Accepted', 'Conflicted', `${first.origin} has the same scope and is older`);
    } else if (mode !== undefined) {
      wide.set(scope(entry), { mode, origin: entry.origin });
    }
  }
  const inherited = (namespace: string): Mode => wide.get(namespace)?.mode ?? wide.get('')?.mode ?? 'STRICT';

  const ranked: { rank: number; rule: PeerAuthenticationRule }[] = [];
  for (const entry of entries) {
    const selected = !isWide(entry);
    if (!selected && wide.get(scope(entry))?.origin !== entry.origin) continue;
    const namespace = selected ? entry.namespace : scope(entry);
    reportReach(entry, objects, status);
    const { mtls, portLevelMtls } = entry.object.spec;
    ranked.push({
      rank: selected ? 0 : namespace === '' ? 2 : 1,
      rule: {
        origin: entry.origin,
        namespace,
        selector: labelsOf(entry),
        mode: mtls?.mode ?? inherited(entry.namespace),
        portModes: new Map(Object.entries(portLevelMtls ?? {}).map(([port, { mode }]) => [Number(port), mode])),
      },
    });
  }
  return ranked.sort((a, b) => a.rank - b.rank).map(({ rule }) => rule);
}

/** Empty for the mesh. */
function scope(entry: Entry<PeerAuthentication>): string {
  return entry.namespace === meshNamespace ? '' : entry.namespace;
}

function labelsOf(entry: Entry<PeerAuthentication>): Readonly<Record<string, string>> {
  return entry.object.spec.selector?.matchLabels ?? {};
}

/** A rule that holds for nothing is most often a typing error in its selector (CF-11). */
function reportReach(entry: Entry<PeerAuthentication>, objects: ObjectIndex, status: StatusCollector): void {
  status.ok(entry.origin, 'Accepted', 'Accepted', 'in force');
  const selector = labelsOf(entry);
  const reaches = objects
    .all('Workload')
    .some((workload) => workload.namespace === entry.namespace && selects(selector, workload.labels));
  if (Object.keys(selector).length > 0 && !reaches) {
    status.problem(entry.origin, 'Attached', 'NoMatchingWorkloads', 'its selector matches no workload');
  }
}
