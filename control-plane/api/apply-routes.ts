import { z } from 'zod';
import type { ApplyResponse, ApplyResult, DiffResponse, Problem } from '../../proto/api/v1.ts';
import { type LoadedObject, loadFiles, loadReferences } from '../config/load-files.ts';
import { dnsLabel } from '../model/names.ts';
import { apiSource, deletionProblem, ownershipProblem } from '../sources/ownership.ts';
import type { Store } from '../store/store.ts';
import { type ApiCall, type ApiRoute, json } from './api-route.ts';
import { HttpError } from './http-error.ts';
import { toYaml } from './present-resource.ts';
import { parseBody } from './request-body.ts';
import { etagOf, kindOf } from './resource-routes.ts';

const file = z.strictObject({ name: z.string().max(4_096), text: z.string() });
const namespace = dnsLabel.default('default');
const applyRequest = z.strictObject({
  files: z.array(file).min(1, 'at least one file').max(1_000, 'at most 1,000 files'),
  namespace,
  dryRun: z.boolean().default(false),
});
const reference = z.strictObject({ kind: z.string(), namespace: z.string(), name: z.string() });
const deleteRequest = z.strictObject({
  files: z.array(file).max(1_000).optional(),
  objects: z.array(reference).max(1_000).optional(),
  namespace,
});

interface Reference {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** Changing objects: every call changes all it was asked to, or nothing. */
export function applyRoutes(store: Store): readonly ApiRoute[] {
  return [
    { method: 'POST', pattern: '/api/v1/apply', handle: (call) => json(apply(store, call)) },
    { method: 'POST', pattern: '/api/v1/diff', handle: (call) => json(diff(store, call)) },
    { method: 'POST', pattern: '/api/v1/delete', handle: (call) => json(remove(store, call)) },
  ];
}

function apply(store: Store, call: ApiCall): ApplyResponse {
  const request = parseBody(call.body, applyRequest);
  const objects = readObjects(request.files, request.namespace);
  const results = store.transaction(() => {
    refuseForeign(store, objects);
    checkIfMatch(store, call, objects.map(referenceOf));
    return objects.map(({ resource }): ApplyResult => {
      const action = request.dryRun ? store.preview(resource, apiSource) : store.put(resource, apiSource).action;
      return { ...referenceOf({ resource }), action };
    });
  });
  return { results };
}

function diff(store: Store, call: ApiCall): DiffResponse {
  const request = parseBody(call.body, applyRequest);
  const objects = readObjects(request.files, request.namespace).map((loaded) => {
    const reference = referenceOf(loaded);
    const before = store.get(reference.kind, reference.namespace, reference.name)?.resource;
    return {
      ...reference,
      action: store.preview(loaded.resource, apiSource),
      before: before === undefined ? '' : toYaml(before),
      after: toYaml(loaded.resource, before),
    };
  });
  return { objects };
}

function remove(store: Store, call: ApiCall): ApplyResponse {
  const request = parseBody(call.body, deleteRequest);
  const named = loadReferences(request.files ?? [], request.namespace);
  if (named.problems.length > 0) throw invalid(named.problems);
  const objects = (request.objects ?? []).map((object) => ({ ...object, kind: kindOf(object.kind).kind }));
  const references: readonly (Reference & { file?: string; line?: number })[] = [...named.references, ...objects];
  if (references.length === 0) throw new HttpError(422, 'no-objects', 'the request names no object');
  const results = store.transaction(() => {
    const problems = references.flatMap(({ file: name = '', line = 0, ...at }) => {
      const stored = store.get(at.kind, at.namespace, at.name);
      const message = stored === undefined ? undefined : deletionProblem(stored, apiSource);
      return message === undefined ? [] : [foreign(at, message, name, line)];
    });
    if (problems.length > 0) throw conflict(problems);
    checkIfMatch(store, call, references);
    return references.map(
      ({ kind, namespace: at, name }): ApplyResult => ({
        kind,
        namespace: at,
        name,
        action: store.delete(kind, at, name) ? 'deleted' : 'not-found',
      }),
    );
  });
  return { results };
}

function readObjects(files: readonly { name: string; text: string }[], at: string): readonly LoadedObject[] {
  const { objects, problems } = loadFiles(files, at);
  if (problems.length > 0) throw invalid(problems);
  if (objects.length === 0) throw new HttpError(422, 'no-objects', 'the files define no object');
  return objects;
}

function invalid(problems: readonly Problem[]): HttpError {
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  return new HttpError(422, 'invalid', `${count}; nothing was changed`, { problems });
}

function conflict(problems: readonly Problem[]): HttpError {
  const [first] = problems;
  const message = `${first?.message ?? 'an object has another owner'}; nothing was changed`;
  return new HttpError(409, 'conflict', message, { problems });
}

function refuseForeign(store: Store, objects: readonly LoadedObject[]): void {
  const problems = objects.flatMap((loaded) => {
    const at = referenceOf(loaded);
    const stored = store.get(at.kind, at.namespace, at.name);
    const message = stored === undefined ? undefined : ownershipProblem(stored, apiSource);
    return message === undefined ? [] : [foreign(at, message, loaded.file, loaded.line)];
  });
  if (problems.length > 0) throw conflict(problems);
}

function foreign(at: Reference, message: string, name: string, line: number): Problem {
  const object = `${at.kind} ${at.namespace}/${at.name}`;
  return { file: name, line, column: line === 0 ? 0 : 1, object, field: '', message: `${object} ${message}` };
}

/** `If-Match` (RFC 9110 §13.1.1): the write happens only to the version that the caller saw (security.md UI-14). */
function checkIfMatch(store: Store, call: ApiCall, references: readonly Reference[]): void {
  const expected = call.request.headers['if-match'];
  if (expected === undefined) return;
  const [only, ...others] = references;
  if (only === undefined || others.length > 0) {
    throw new HttpError(400, 'bad-request', 'If-Match is for a request with exactly one object');
  }
  const stored = store.get(only.kind, only.namespace, only.name);
  const matches =
    stored !== undefined && expected.split(',').some((tag) => tag.trim() === '*' || tag.trim() === etagOf(stored));
  if (!matches) {
    const present =
      stored === undefined ? 'does not exist' : `is at version ${stored.resource.metadata.resourceVersion}`;
    const object = `${only.kind} ${only.namespace}/${only.name}`;
    throw new HttpError(412, 'precondition-failed', `${object} ${present}; read it again and repeat the change`);
  }
}

function referenceOf({ resource }: Pick<LoadedObject, 'resource'>): Reference {
  return { kind: resource.kind, namespace: resource.metadata.namespace, name: resource.metadata.name };
}
