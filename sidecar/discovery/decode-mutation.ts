import { HeaderValueOption, HeaderValueOption_HeaderAppendAction } from '../../proto/gen/envoy/config/core/v3/base.ts';
import { type HeaderMutation, type HeaderValue, noMutation } from '../route/route-table.ts';
import { fieldsOf } from './message-fields.ts';
import type { Reader } from './reader.ts';

export const headerOptionFields = fieldsOf(HeaderValueOption, {
  supported: ['header', 'append', 'appendAction'],
  ignored: { keepEmptyValue: 'an empty value is kept' },
  limits: { appendAction: '`APPEND_IF_EXISTS_OR_ADD` and `OVERWRITE_IF_EXISTS_OR_ADD`' },
});

const token = /^[!#$%&'*+.^_`|~0-9a-z-]+$/i;
// Control characters end or forge a header line.
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/;
/** Fields that decide where a message goes or ends; the proxy alone writes them. */
const protectedNames = new Set(['host', 'content-length', 'transfer-encoding', 'connection', 'upgrade']);

/** Reads `<path>_to_add` and `<path>_to_remove`. */
export function decodeMutation(
  reader: Reader,
  path: string,
  toAdd: readonly HeaderValueOption[],
  toRemove: readonly string[],
): HeaderMutation {
  if (toAdd.length === 0 && toRemove.length === 0) return noMutation;
  const set: HeaderValue[] = [];
  const add: HeaderValue[] = [];
  for (const [index, option] of toAdd.entries()) {
    const at = `${path}_to_add[${index}]`;
    reader.only(at, option, headerOptionFields);
    const header = { name: option.header?.key.toLowerCase() ?? '', value: readValue(reader, at, option) };
    checkName(reader, `${at}.header.key`, header.name);
    if (isOverwrite(reader, at, option)) set.push(header);
    else add.push(header);
  }
  const remove = toRemove.map((name) => name.toLowerCase());
  for (const [index, name] of remove.entries()) checkName(reader, `${path}_to_remove[${index}]`, name);
  return { set, add, remove };
}

/** The inner mutation, then the outer one. */
export function mergeMutations(inner: HeaderMutation, outer: HeaderMutation): HeaderMutation {
  if (outer === noMutation) return inner;
  if (inner === noMutation) return outer;
  return {
    set: [...inner.set, ...outer.set],
    add: [...inner.add, ...outer.add],
    remove: [...inner.remove, ...outer.remove],
  };
}

function isOverwrite(reader: Reader, path: string, option: HeaderValueOption): boolean {
  if (option.append !== undefined) return !option.append;
  const { APPEND_IF_EXISTS_OR_ADD, OVERWRITE_IF_EXISTS_OR_ADD } = HeaderValueOption_HeaderAppendAction;
  if (option.appendAction !== APPEND_IF_EXISTS_OR_ADD && option.appendAction !== OVERWRITE_IF_EXISTS_OR_ADD) {
    reader.problem(
      `${path}.append_action`,
      'only APPEND_IF_EXISTS_OR_ADD and OVERWRITE_IF_EXISTS_OR_ADD are supported',
    );
  }
  return option.appendAction === OVERWRITE_IF_EXISTS_OR_ADD;
}

function readValue(reader: Reader, path: string, option: HeaderValueOption): string {
  const header = option.header;
  const raw = header === undefined ? '' : header.value !== '' ? header.value : header.rawValue.toString('latin1');
  if (!fieldValue.test(raw)) reader.problem(`${path}.header.value`, 'has a control character');
  // Envoy's command operators begin with a single per cent sign; two stand for one.
  if (/%/.test(raw.replaceAll('%%', ''))) reader.problem(`${path}.header.value`, 'command operators are not supported');
  return raw.replaceAll('%%', '%');
}

function checkName(reader: Reader, path: string, name: string): void {
  if (!token.test(name)) reader.problem(path, `"${name}" is not a header name`);
  else if (protectedNames.has(name)) reader.problem(path, `"${name}" may not be changed`);
}
