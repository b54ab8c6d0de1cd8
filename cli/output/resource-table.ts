import type { Condition, Resource } from '../../proto/api/v1.ts';
import { age } from './duration.ts';
import type { Column } from './table.ts';

/** Columns of `heddle get` for one kind, kubectl's where kubectl has some. */
export function resourceColumns(
  kind: string,
  options: { wide: boolean; allNamespaces: boolean; now: number },
): Column<Resource>[] {
  const own = columnsByKind[kind];
  return [
    ...(options.allNamespaces ? [column('NAMESPACE', (item) => item.metadata.namespace)] : []),
    column('NAME', (item) => item.metadata.name),
    ...(own?.short ?? []),
    ...(kind === 'Secret' || kind === 'Service' ? [] : [acceptedColumn]),
    column('AGE', (item) => age(item.metadata.creationTimestamp, options.now)),
    ...(options.wide ? [...(own?.wide ?? []), column('LABELS', (item) => joined(item.metadata.labels))] : []),
    ...(options.wide ? [column('MESSAGE', (item) => failing(item)?.message ?? '')] : []),
  ];
}

/** Every condition of an object: its own, and those that a Gateway or route keeps per listener or parent. */
export function conditionsOf(item: Resource): { place: string; condition: Condition }[] {
  const status = item.status ?? {};
  const own = (status.conditions ?? []).map((condition) => ({ place: '', condition }));
  const nested = ['listeners', 'parents'].flatMap((list) =>
    records(status[list]).flatMap((entry) =>
      (Array.isArray(entry.conditions) ? (entry.conditions as Condition[]) : []).map((condition) => ({
        place: entry.name === undefined ? refName(entry.parentRef) : String(entry.name),
        condition,
      })),
    ),
  );
  return [...own, ...nested];
}

/** The first condition that says something is wrong. */
export function failing(item: Resource): Condition | undefined {
  return conditionsOf(item).find(({ condition }) => condition.status === 'False')?.condition;
}

const acceptedColumn: Column<Resource> = {
  header: 'ACCEPTED',
  value: (item) => {
    const bad = failing(item);
    if (bad !== undefined) return `False (${bad.reason})`;
    return conditionsOf(item).length === 0 ? 'Unknown' : 'True';
  },
  colour: (item) => (failing(item) === undefined ? undefined : 'red'),
};

const columnsByKind: Readonly<
  Record<string, { short: readonly Column<Resource>[]; wide?: readonly Column<Resource>[] }>
> = {
  Service: {
    short: [
      column('PORTS', (item) =>
        list(item, 'ports', (port) => `${port.port}/${port.appProtocol ?? port.name ?? 'http'}`),
      ),
    ],
    wide: [column('SELECTOR', (item) => joined(spec(item).selector))],
  },
  Workload: {
    short: [
      column('ADDRESS', (item) => String(spec(item).address ?? '')),
      column('PORTS', (item) => list(item, 'ports', (port) => `${port.name}:${port.port}`)),
    ],
    wide: [column('SERVICEACCOUNT', (item) => String(spec(item).serviceAccount ?? 'default'))],
  },
  Gateway: {
    short: [
      column('CLASS', (item) => String(spec(item).gatewayClassName ?? '')),
      column('LISTENERS', (item) => list(item, 'listeners', (one) => `${one.name}:${one.port}/${one.protocol}`)),
    ],
  },
  HTTPRoute: {
    short: [
      column('HOSTNAMES', (item) => (spec(item).hostnames as string[] | undefined)?.join(',') ?? '*'),
      column('PARENTS', (item) => list(item, 'parentRefs', refName)),
    ],
    wide: [
      column('BACKENDS', (item) => list(item, 'rules', (rule) => records(rule.backendRefs).map(backend).join('+'))),
    ],
  },
  TrafficPolicy: { short: [column('TARGETS', (item) => list(item, 'targetRefs', refName) || '*')] },
  PeerAuthentication: {
    short: [column('MODE', (item) => String((spec(item).mtls as Fields | undefined)?.mode ?? spec(item).mode ?? ''))],
  },
  Secret: {
    short: [
      column('TYPE', (item) => item.type ?? 'Opaque'),
      column('DATA', (item) => String(Object.keys(item.data ?? {}).length)),
    ],
  },
};

type Fields = Readonly<Record<string, unknown>>;

function column(header: string, value: (item: Resource) => string): Column<Resource> {
  return { header, value };
}

function spec(item: Resource): Fields {
  return (item.spec ?? {}) as Fields;
}

function records(value: unknown): Fields[] {
  return Array.isArray(value) ? value.filter((entry) => typeof entry === 'object' && entry !== null) : [];
}

function list(item: Resource, field: string, render: (entry: Fields) => string): string {
  return records(spec(item)[field]).map(render).join(',');
}

function refName(ref: unknown): string {
  const { kind, name } = (ref ?? {}) as Fields;
  return `${String(kind ?? 'Gateway').toLowerCase()}/${String(name ?? '')}`;
}

function backend(ref: Fields): string {
  return `${ref.name}:${ref.port}${ref.weight === undefined ? '' : `=${ref.weight}`}`;
}

function joined(labels: unknown): string {
  return Object.entries((labels ?? {}) as Fields)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}
