import { isAlias, isMap, isSeq, LineCounter, parseAllDocuments, type YAMLMap } from 'yaml';
import { decide } from './additions.ts';
import type { InjectOptions } from './options.ts';
import { podSchema } from './pod.ts';
import { applyInsertions, InjectTextError, type Insertion, insertUnder, pairOf } from './text-edit.ts';

/** What became of one object of the input. */
export interface InjectReport {
  /** `deployment "web"`. */
  object: string;
  line: number;
  outcome: 'injected' | 'skipped' | 'refused' | 'not-a-workload';
  detail: string;
}

export interface InjectResult {
  /** The input with the additions; equal to the input where nothing was injected. */
  text: string;
  reports: InjectReport[];
}

/** Where each kind keeps its pod. */
const podPaths: Readonly<Record<string, readonly string[]>> = {
  Pod: [],
  Deployment: ['spec', 'template'],
  ReplicaSet: ['spec', 'template'],
  StatefulSet: ['spec', 'template'],
  DaemonSet: ['spec', 'template'],
  Job: ['spec', 'template'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template'],
};

/**
 * Injects into the workloads of a YAML or JSON text (several documents, Lists too). Works on the text: what is not
 * added to stays byte for byte, comments, order and quoting included. Injecting twice changes nothing the second time.
 *
 * @throws {InjectTextError} when the text is no YAML at all.
 */
export function injectText(text: string, options: InjectOptions, defaultNamespace = 'default'): InjectResult {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, {
    lineCounter: lines,
    keepSourceTokens: true,
    merge: false,
    maxAliasCount: 50,
  } as object);
  const insertions: Insertion[] = [];
  const reports: InjectReport[] = [];
  if (!Array.isArray(documents)) return { text, reports };

  for (const document of documents) {
    const [error] = document.errors;
    if (error !== undefined) throw new InjectTextError(error.message.split('\n')[0] ?? error.message, error.pos[0]);
    if (!isMap(document.contents)) continue;
    for (const object of objectsOf(document.contents)) {
      const report = injectObject(object);
      report.line = lines.linePos(object.range?.[0] ?? 0).line;
      reports.push(report);
    }
  }
  return { text: applyInsertions(text, insertions), reports };

  function injectObject(object: YAMLMap): InjectReport {
    const kind = String(object.get('kind') ?? '');
    const name = String(object.getIn(['metadata', 'name']) ?? object.getIn(['metadata', 'generateName']) ?? '');
    const report = {
      object: `${kind.toLowerCase() || 'object'} "${name}"`,
      line: 0,
      outcome: 'not-a-workload' as const,
      detail: '',
    };
    const path = Object.hasOwn(podPaths, kind) ? podPaths[kind] : undefined;
    if (path === undefined) return report;
    try {
      return { ...report, ...injectPod(object, path) };
    } catch (error) {
      if (error instanceof InjectTextError) return { ...report, outcome: 'refused', detail: error.message };
      throw error;
    }
  }

  function injectPod(object: YAMLMap, path: readonly string[]): Pick<InjectReport, 'outcome' | 'detail'> {
    const template = path.length === 0 ? object : object.getIn(path, true);
    if (isAlias(template)) throw new InjectTextError(`${path.join('.')} is an alias; write it out`, 0);
    if (!isMap(template)) return { outcome: 'refused', detail: `${path.join('.')} is missing` };
    const parsed = podSchema.safeParse(template.toJS(documentOf(object)));
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      return { outcome: 'refused', detail: `${[...path, ...(issue?.path ?? [])].join('.')}: ${issue?.message}` };
    }
    const namespace = String(object.getIn(['metadata', 'namespace']) ?? defaultNamespace);
    const decision = decide(parsed.data, namespace, options);
    if (decision.kind === 'skip') return { outcome: 'skipped', detail: decision.reason };
    if (decision.kind === 'refuse') return { outcome: 'refused', detail: decision.problems.join('; ') };

    const spec = template.get('spec', true);
    if (!isMap(spec)) throw new InjectTextError('spec is an alias; write it out', 0);
    const { annotations, initContainers, volumes } = decision.additions;
    const metadata = pairOf(template, 'metadata')?.value;
    const added = [
      isMap(metadata)
        ? insertUnder(text, metadata, 'annotations', annotations)
        : insertUnder(text, template, 'metadata', { annotations }, 'spec'),
      insertUnder(text, spec, 'initContainers', initContainers, 'containers'),
      insertUnder(text, spec, 'volumes', volumes, 'containers'),
    ];
    insertions.push(...added);
    return { outcome: 'injected', detail: '' };
  }

  function documentOf(object: YAMLMap) {
    const found = (documents as Exclude<typeof documents, { empty: true }>).find(
      (each) => (each.range?.[0] ?? 0) <= (object.range?.[0] ?? 0) && (object.range?.[0] ?? 0) < (each.range?.[2] ?? 0),
    );
    if (found === undefined) throw new Error('every object is in a document');
    return found;
  }
}

/** The objects of one document: itself, or the items of a List. */
function objectsOf(document: YAMLMap): YAMLMap[] {
  const items = document.get('items', true);
  if (String(document.get('kind') ?? '').endsWith('List') && isSeq(items))
    return items.items.filter((item) => isMap(item));
  return [document];
}
