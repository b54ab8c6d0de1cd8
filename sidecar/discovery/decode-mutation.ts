import { HeaderValueOption, HeaderValueOption_HeaderAppendAction } from '../../proto/gen/envoy/config/core/v3/base.ts';
import { compileHeaderTemplate } from '../route/header-template.ts';
import { type HeaderMutation, type HeaderStep, type HeaderTemplate, noMutation } from '../route/route-table.ts';
import { fieldsOf } from './message-fields.ts';
import type { Reader } from './reader.ts';

export const headerOptionFields = fieldsOf(HeaderValueOption, {
  supported: ['header', 'append', 'appendAction', 'keepEmptyValue'],
});

const token = /^[!#$%&'*+.^_`|~0-9a-z-]+$/i;
// Control characters end or forge a header line.
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/;
/** Fields that decide where a message goes or ends; the proxy alone writes them. */
const protectedNames = new Set(['host', 'content-length', 'transfer-encoding', 'connection', 'upgrade']);

type Added = Exclude<HeaderStep, { action: 'remove' }>;

/** Reads `<path>_to_add` and `<path>_to_remove`. What is removed goes first. */
export function decodeMutation(
  reader: Reader,
  path: string,
  toAdd: readonly HeaderValueOption[],
  toRemove: readonly string[],
): HeaderMutation {
  if (toAdd.length === 0 && toRemove.length === 0) return noMutation;
  const steps: HeaderStep[] = [];
  for (const [index, field] of toRemove.entries()) {
    steps.push(decodeRemoval(reader, `${path}_to_remove[${index}]`, field));
  }
  for (const [index, option] of toAdd.entries()) {
    steps.push(decodeAddition(reader, `${path}_to_add[${index}]`, option));
  }
  return steps;
}

export function decodeRemoval(reader: Reader, path: string, field: string): HeaderStep {
  const name = field.toLowerCase();
  checkName(reader, path, name);
  return { action: 'remove', name };
}

export function decodeAddition(reader: Reader, path: string, option: HeaderValueOption): HeaderStep {
  reader.only(path, option, headerOptionFields);
  const name = option.header?.key.toLowerCase() ?? '';
  checkName(reader, `${path}.header.key`, name);
  const value = readValue(reader, path, option);
  return { action: readAction(reader, path, option), name, value, keepEmpty: option.keepEmptyValue };
}

/** The steps of the first, then those of the second. */
export function mergeMutations(first: HeaderMutation, second: HeaderMutation): HeaderMutation {
  if (second.length === 0) return first;
  return first.length === 0 ? second : [...first, ...second];
}

function readAction(reader: Reader, path: string, option: HeaderValueOption): Added['action'] {
  if (option.append !== undefined) return option.append ? 'append' : 'set';
  const actions = HeaderValueOption_HeaderAppendAction;
  switch (option.appendAction) {
    case actions.APPEND_IF_EXISTS_OR_ADD:
      return 'append';
    case actions.ADD_IF_ABSENT:
      return 'add-if-absent';
    case actions.OVERWRITE_IF_EXISTS_OR_ADD:
      return 'set';
    case actions.OVERWRITE_IF_EXISTS:
      return 'set-if-exists';
    default:
      reader.problem(`${path}.append_action`, 'not supported');
      return 'append';
  }
}

function readValue(reader: Reader, path: string, option: HeaderValueOption): HeaderTemplate {
  const header = option.header;
  const raw = header === undefined ? '' : header.value !== '' ? header.value : header.rawValue.toString('latin1');
  if (!fieldValue.test(raw)) reader.problem(`${path}.header.value`, 'has a control character');
  const compiled = compileHeaderTemplate(raw);
  if (compiled.ok) return compiled.value;
  reader.problem(`${path}.header.value`, compiled.problem);
  return '';
}

function checkName(reader: Reader, path: string, name: string): void {
  if (!token.test(name)) reader.problem(path, `"${name}" is not a header name`);
  else if (protectedNames.has(name)) reader.problem(path, `"${name}" may not be changed`);
}
