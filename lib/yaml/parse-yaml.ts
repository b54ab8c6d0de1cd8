import { Composer, type CST, type Document, Lexer, LineCounter, Parser, type YAMLError } from 'yaml';
import type { FieldPath } from '../field-path.ts';
import { yamlLimits } from './yaml-limits.ts';
import { nodeAt } from './yaml-nodes.ts';
import { readDocument } from './yaml-values.ts';

/** 1-based. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A problem with the text itself. */
export interface YamlProblem extends Position {
  readonly field: FieldPath;
  readonly message: string;
  readonly hint: string | undefined;
}

/** One document of a YAML or JSON text. */
export interface YamlDocument {
  /** Plain data: `null` prototypes are not used, and no key is `__proto__`, `constructor` or `prototype`. */
  readonly value: unknown;
  /** Where a field stands: its name or its value; the nearest one around it when it is missing. */
  locate(path: FieldPath, atKey: boolean): Position;
}

export interface ParsedYaml {
  /** Documents without a problem; empty documents are left out. */
  readonly documents: readonly YamlDocument[];
  readonly problems: readonly YamlProblem[];
}

/**
 * Reads YAML 1.2 (core schema) or JSON, strictly: duplicate keys, merge keys, custom tags, YAML 1.1 and what exceeds
 * {@link yamlLimits} are problems (security.md CF-01 to CF-09). Never throws. Nothing in the text is evaluated:
 * `${HOME}` is seven characters.
 */
export function parseYaml(text: string): ParsedYaml {
  const lines = new LineCounter();
  const problems: YamlProblem[] = [];
  let found = 0;
  const report = (offset: number, message: string, hint?: string, field: FieldPath = []): void => {
    found++;
    if (problems.length < yamlLimits.problems) problems.push({ ...position(lines, offset), field, message, hint });
  };
  if (Buffer.byteLength(text) > yamlLimits.bytes) {
    report(0, `the file has ${Buffer.byteLength(text)} bytes; at most ${yamlLimits.bytes} are read`);
    return { documents: [], problems };
  }
  const control = findControlCharacter(text);
  if (control >= 0) {
    noteLines(lines, text, control);
    const code = text.charCodeAt(control).toString(16).padStart(4, '0');
    report(control, `the control character U+${code}; the file must be UTF-8 text`, 'is it UTF-16? save it as UTF-8');
    return { documents: [], problems };
  }
  const tokens = readTokens(text, lines, report);
  if (tokens === undefined) return { documents: [], problems };

  const documents: YamlDocument[] = [];
  for (const document of new Composer({ stringKeys: true, merge: false, uniqueKeys: false }).compose(tokens)) {
    const before = found;
    for (const error of document.errors) report(error.pos[0], errorText(error), errorHint(error));
    if (found > before) continue;
    const value = readDocument(document, report);
    if (found === before && value !== undefined) documents.push(toDocument(document, value, lines));
  }
  return { documents, problems };
}

type Report = (offset: number, message: string, hint?: string) => void;

/** Lexemes that stand for no character of the text: start of a document, of a scalar, end of a broken flow. */
const lexerMarks = ['\u0002', '\u001f', '\u0018'];

/** Runs lexer and parser token by token, so that a hostile text is dropped before it costs anything. */
function readTokens(text: string, lines: LineCounter, report: Report): CST.Token[] | undefined {
  lines.addNewLine(0);
  const parser = new Parser(lines.addNewLine);
  const tokens: CST.Token[] = [];
  let [aliases, documents, offset] = [0, 0, 0];
  const keep = (token: CST.Token): boolean => {
    tokens.push(token);
    if (token.type === 'document') documents++;
    if (token.type === 'directive' && !/^%YAML\s+1\.2\s*$/.test(token.source)) {
      report(token.offset, `the directive ${token.source.slice(0, 40)} is not supported`);
      return false;
    }
    if (documents <= yamlLimits.documents) return true;
    report(token.offset ?? offset, `more than ${yamlLimits.documents} documents in one file`);
    return false;
  };
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) if (!keep(token)) return undefined;
    if (lexeme.startsWith('*') && ++aliases > yamlLimits.aliases) {
      report(offset, `more than ${yamlLimits.aliases} aliases`);
      return undefined;
    }
    // A nesting level is one or two entries of the parser's stack; the exact depth is checked on the nodes.
    if (parser.stack.length > 2 * yamlLimits.depth + 8) {
      report(offset, `nested deeper than ${yamlLimits.depth} levels`);
      return undefined;
    }
    if (!lexerMarks.includes(lexeme)) offset += lexeme.length;
  }
  for (const token of parser.end()) if (!keep(token)) return undefined;
  return tokens;
}

function toDocument(document: Document.Parsed, value: unknown, lines: LineCounter): YamlDocument {
  return {
    value,
    locate: (path, atKey) => position(lines, nodeAt(document, path, atKey)?.range?.[0] ?? document.range[0]),
  };
}

function position(lines: LineCounter, offset: number): Position {
  if (lines.lineStarts.length === 0) return { line: 1, column: offset + 1 };
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

function noteLines(lines: LineCounter, text: string, until: number): void {
  lines.addNewLine(0);
  for (let at = text.indexOf('\n'); at >= 0 && at < until; at = text.indexOf('\n', at + 1)) lines.addNewLine(at + 1);
}

/** Index of the first control character other than tab and line ends, or -1. */
function findControlCharacter(text: string): number {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < 0x20 && code !== 0x09 && code !== 0x0a && code !== 0x0d) return at;
  }
  return -1;
}

function errorText(error: YAMLError): string {
  return error.message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '') ?? error.message;
}

function errorHint(error: YAMLError): string | undefined {
  return error.code === 'TAB_AS_INDENT' ? 'indent with spaces' : undefined;
}
