import { type FieldPath, formatPath } from '../../lib/field-path.ts';
import { parseYaml, type YamlDocument, type YamlProblem } from '../../lib/yaml/parse-yaml.ts';
import { JsonReader } from '../discovery/json/json-reader.ts';
import { camelCase } from '../discovery/json/message-shape.ts';

/** One thing wrong with a configuration file, or one thing to know about it. */
export interface FileProblem {
  readonly file: string;
  /** 1-based both. */
  readonly line: number;
  readonly column: number;
  /** `static_resources.listeners[0].name`. */
  readonly field: string;
  readonly message: string;
  /** What to do. */
  readonly hint: string | undefined;
}

/** A message read from a file, which can say where a field of it stands. */
export interface ConfigText {
  readonly bytes: Uint8Array;
  readonly value: unknown;
  /** Describes what a decoder says, as `<path>: <text>`, of the message under `prefix`. */
  locate(problem: string, prefix: string): FileProblem;
  /** As {@link locate}, for a field of a known way. */
  at(path: FieldPath, message: string, hint?: string): FileProblem;
}

/**
 * Reads one message, of the full name `type`, from YAML or JSON; answers all problems at once. With a problem of the
 * text nothing further is looked at.
 */
export function readConfigText(
  file: string,
  text: string,
  type: string,
): { ok: true; value: ConfigText } | { ok: false; problems: readonly FileProblem[] } {
  const { documents, problems } = parseYaml(text);
  if (problems.length > 0) return { ok: false, problems: problems.map((problem) => describe(file, problem)) };
  const [document, second] = documents;
  if (document === undefined || second !== undefined) {
    const { line, column } = second?.locate([], false) ?? { line: 1, column: 1 };
    const message = second === undefined ? 'the file is empty' : 'one document is read, and here a second begins';
    return { ok: false, problems: [{ file, line, column, field: '', message, hint: undefined }] };
  }
  const reader = new JsonReader();
  const bytes = reader.read(type, document.value, []);
  if (reader.problems.length > 0) {
    const found = reader.problems.map(({ path, atKey, message, hint }) => ({
      ...place(file, document, path, atKey),
      message,
      hint,
    }));
    return { ok: false, problems: found };
  }
  return {
    ok: true,
    value: {
      bytes,
      value: document.value,
      locate: (problem, prefix) => {
        const [, field = '', message = problem] = /^([\w.[\]"/|-]+): (.*)$/s.exec(problem) ?? [];
        const path = parsePath(field === '' ? prefix : prefix === '' ? field : `${prefix}.${field}`);
        const hint =
          message === 'not supported' ? 'remove it; docs/envoy-compatibility.md lists what is supported' : undefined;
        return { ...place(file, document, path, message === 'not supported'), message, hint };
      },
      at: (path, message, hint) => ({ ...place(file, document, path, false), message, hint }),
    },
  };
}

function describe(file: string, { line, column, field, message, hint }: YamlProblem): FileProblem {
  return { file, line, column, field: formatPath(field), message, hint };
}

function place(file: string, document: YamlDocument, path: FieldPath, atKey: boolean) {
  const written = asWritten(document.value, path);
  return { file, ...document.locate(written, atKey), field: formatPath(written) };
}

/** Decoders name fields as the proto files do; the text may use their names of JSON. */
function asWritten(value: unknown, path: FieldPath): FieldPath {
  let at = value;
  return path.map((part) => {
    if (typeof at !== 'object' || at === null) return part;
    const key = Object.hasOwn(at, part) ? part : otherName(at, part);
    at = (at as Record<string | number, unknown>)[key];
    return key;
  });
}

function otherName(map: object, part: string | number): string | number {
  return Object.keys(map).find((key) => camelCase(key) === camelCase(String(part))) ?? part;
}

/** Reads what `formatPath` writes. */
function parsePath(text: string): FieldPath {
  return [...text.matchAll(/\[(\d+)\]|\["([^"]*)"\]|([^.[\]]+)/g)].map(([, index, quoted, name]) =>
    index === undefined ? (quoted ?? name ?? '') : Number(index),
  );
}

/** `envoy.yaml:12:5  static_resources.clusters[0].name  unknown field  did you mean …?`, one line. */
export function formatFileProblem({ file, line, column, field, message, hint }: FileProblem): string {
  const parts = [
    `${file}:${line}:${column}`,
    ...(field === '' ? [] : [field]),
    message,
    ...(hint === undefined ? [] : [hint]),
  ];
  return parts.map((part) => part.replaceAll(/[\r\n\t]+/g, ' ')).join('  ');
}

/** Where a word stands as the value of one of these keys, anywhere below; `undefined` when it does not. */
export function findWord(
  value: unknown,
  keys: readonly string[],
  word: string,
  path: FieldPath,
): FieldPath | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, item] of Object.entries(value)) {
    const at = [...path, Array.isArray(value) ? Number(key) : key];
    if (item === word && keys.includes(key)) return at;
    const found = findWord(item, keys, word, at);
    if (found !== undefined) return found;
  }
  return undefined;
}
