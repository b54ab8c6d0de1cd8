/** A kind of object as a person may call it on the command line. The control plane has the last word. */
export interface ResourceKind {
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly group: string;
}

const gatewayGroup = 'gateway.networking.k8s.io';

export const resourceKinds: readonly ResourceKind[] = [
  { kind: 'Service', plural: 'services', singular: 'service', shortNames: ['svc'], group: '' },
  { kind: 'Workload', plural: 'workloads', singular: 'workload', shortNames: ['wl'], group: 'heddle.dev' },
  { kind: 'Gateway', plural: 'gateways', singular: 'gateway', shortNames: ['gtw'], group: gatewayGroup },
  { kind: 'HTTPRoute', plural: 'httproutes', singular: 'httproute', shortNames: ['hr', 'route'], group: gatewayGroup },
  {
    kind: 'TrafficPolicy',
    plural: 'trafficpolicies',
    singular: 'trafficpolicy',
    shortNames: ['tp'],
    group: 'heddle.dev',
  },
  {
    kind: 'PeerAuthentication',
    plural: 'peerauthentications',
    singular: 'peerauthentication',
    shortNames: ['pa'],
    group: 'heddle.dev',
  },
  { kind: 'Secret', plural: 'secrets', singular: 'secret', shortNames: [], group: '' },
];

/** `httproute.gateway.networking.k8s.io/ratings`, the form of `-o name`. */
export function qualifiedName(kind: string, name: string): string {
  const known = resourceKinds.find((candidate) => candidate.kind === kind);
  const group = known === undefined || known.group === '' ? '' : `.${known.group}`;
  return `${kind.toLowerCase()}${group}/${name}`;
}
