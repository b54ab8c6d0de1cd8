import type { ResourceList } from '../../proto/api/v1.ts';
import { findKind, type Kind, kinds } from '../config/kinds.ts';
import { compare } from '../registry/object-index.ts';
import type { Registry } from '../registry/registry.ts';
import type { Store, StoredObject } from '../store/store.ts';
import { type ApiRoute, json } from './api-route.ts';
import { HttpError } from './http-error.ts';
import { presentResource } from './present-resource.ts';

/** Objects on one page (security.md UI-15). */
const maxPage = 500;

/** Reading objects. */
export function resourceRoutes(store: Store, registry: Registry): readonly ApiRoute[] {
  return [
    {
      method: 'GET',
      pattern: '/api/v1/resources/:kind',
      handle: ({ parameters, query }) => {
        const all = parameters.kind?.toLowerCase() === 'all';
        const namespace = query.get('namespace');
        const objects = (all ? kinds : [kindOf(parameters.kind)])
          .flatMap((kind) => store.list(kind.kind))
          .filter(({ resource }) => !namespace || resource.metadata.namespace === namespace);
        return json(page(objects, query, registry));
      },
    },
    {
      method: 'GET',
      pattern: '/api/v1/resources/:kind/:namespace/:name',
      handle: ({ parameters: { kind, namespace = '', name = '' } }) => {
        const stored = store.get(kindOf(kind).kind, namespace, name);
        if (stored === undefined) {
          throw new HttpError(404, 'not-found', `no ${kindOf(kind).kind} ${namespace}/${name} exists`);
        }
        return json(presentResource(stored, registry), 200, { etag: etagOf(stored) });
      },
    },
  ];
}

/** The kind that a person's word means; 404 with the known words otherwise. */
export function kindOf(word: string | undefined): Kind {
  const kind = findKind(word ?? '');
  if (kind !== undefined) return kind;
  const known = kinds.map((item) => [item.plural, ...item.shortNames].join('/')).join(', ');
  throw new HttpError(404, 'unknown-kind', `unknown kind ${JSON.stringify(word?.slice(0, 60))}; known: ${known}`);
}

/** Changes with each version of the object; for `If-Match`. */
export function etagOf({ resource }: StoredObject): string {
  return `"${resource.metadata.resourceVersion}"`;
}

/** A page is at most 500 objects; `continue` is the key of its last one. */
function page(objects: readonly StoredObject[], query: URLSearchParams, registry: Registry): ResourceList {
  const limit = Math.min(maxPage, Math.max(1, Math.trunc(Number(query.get('limit') ?? maxPage)) || maxPage));
  const after = query.get('continue');
  const rest = after === null ? objects : objects.filter((stored) => compare(orderOf(stored), after) > 0);
  const items = rest.slice(0, limit).map((stored) => presentResource(stored, registry));
  const last = rest[limit - 1];
  return rest.length > limit && last !== undefined ? { items, continue: orderOf(last) } : { items };
}

/** Sorts as the list is sorted: by place of the kind, then namespace and name. */
function orderOf({ resource }: StoredObject): string {
  const place = String.fromCharCode(0x61 + kinds.findIndex((kind) => kind.kind === resource.kind));
  // A space is below every character of a name, so that `a/x` stands before `a-b/x`, as in the store.
  return `${place} ${resource.metadata.namespace} ${resource.metadata.name}`;
}
