import { type Document, isNode, LineCounter, parseAllDocuments } from 'yaml';
import type { Problem, SourceFile } from '../../proto/api/v1.ts';
import { type DevDocument, devSchema } from './dev-schema.ts';

/** What a mesh file says: programs to start, and objects to apply. */
export interface DevFile {
  readonly dev: DevDocument;
  /** The file without its Dev document, every other line where it was. */
  readonly resources: SourceFile;
}

/** Reads a mesh file: one `kind: Dev` document, the others are objects, which the control plane checks. */
export function readDevFile(name: string, text: string): DevFile | { readonly problems: readonly Problem[] } {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines });
  const found = [...documents].filter((document) => document.get('kind') === 'Dev');
  const problem = (offset: number | undefined, field: string, message: string): Problem => {
    const { line, col } = offset === undefined ? { line: 0, col: 0 } : lines.linePos(offset);
    return { file: name, line, column: col, object: 'Dev', field, message };
  };
  const syntax = [...documents].flatMap((document) =>
    document.errors.map((error) => ({ ...problem(error.pos[0], '', error.message.split('\n')[0] ?? ''), object: '' })),
  );
  if (syntax.length > 0) return { problems: syntax };
  const [document, second] = found;
  if (document === undefined) {
    return { problems: [problem(undefined, '', 'no document of kind Dev; it lists the programs to start')] };
  }
  if (second !== undefined) return { problems: [problem(startOf(second), '', 'a second document of kind Dev')] };
  const parsed = devSchema.safeParse(document.toJS({ maxAliasCount: 100 }));
  if (!parsed.success) {
    return {
      problems: parsed.error.issues.map(({ path, message }) =>
        problem(positionOf(document, path), fieldName(path), message),
      ),
    };
  }
  const duplicates = duplicateNames(parsed.data).map(({ index, message }) => {
    const path = ['spec', 'processes', index, 'name'];
    return problem(positionOf(document, path), fieldName(path), message);
  });
  if (duplicates.length > 0) return { problems: duplicates };
  return { dev: parsed.data, resources: { name, text: blankOut(text, document) } };
}

function duplicateNames(dev: DevDocument): { index: number; message: string }[] {
  const seen = new Set<string>();
  return dev.spec.processes.flatMap(({ name, namespace }, index) => {
    const key = `${namespace ?? dev.metadata.namespace}/${name}`;
    if (seen.has(key)) return [{ index, message: `${key} appears twice` }];
    seen.add(key);
    return [];
  });
}

function startOf(document: Document): number | undefined {
  return document.contents === null ? undefined : (document.contents.range?.[0] ?? undefined);
}

/** Offset of a field, or of the nearest thing around it that exists. */
function positionOf(document: Document, path: readonly PropertyKey[]): number | undefined {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return startOf(document);
}

function fieldName(path: readonly PropertyKey[]): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
}

/** Empties the lines of a document, so that the lines of the others keep their numbers. */
function blankOut(text: string, document: Document): string {
  const [from, , to] = document.contents?.range ?? [0, 0, 0];
  return text.slice(0, from) + text.slice(from, to).replace(/[^\n]+/g, '') + text.slice(to);
}
