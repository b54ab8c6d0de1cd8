import type { MeshWorkload, PeerAuthenticationRule } from '../registry/mesh-snapshot.ts';

/**
 * Whether a port of a workload takes mTLS only. The most specific rule wins: one that selects the workload, then its
 * namespace's, then the mesh's; the first of several equals. A port's own mode goes before the rule's. Default STRICT.
 */
export function mtlsMode(
  rules: readonly PeerAuthenticationRule[],
  workload: MeshWorkload,
  appPort: number,
): 'STRICT' | 'PERMISSIVE' {
  const candidates = rules.filter((rule) => applies(rule, workload));
  const best = candidates.reduce<PeerAuthenticationRule | undefined>(
    (chosen, rule) => (chosen === undefined || specificity(rule) > specificity(chosen) ? rule : chosen),
    undefined,
  );
  return best?.portModes.get(appPort) ?? best?.mode ?? 'STRICT';
}

function applies(rule: PeerAuthenticationRule, workload: MeshWorkload): boolean {
  if (rule.namespace !== '' && rule.namespace !== workload.namespace) return false;
  return Object.entries(rule.selector).every(([key, value]) => workload.labels[key] === value);
}

function specificity(rule: PeerAuthenticationRule): number {
  return (rule.namespace === '' ? 0 : 1) + (Object.keys(rule.selector).length === 0 ? 0 : 2);
}
