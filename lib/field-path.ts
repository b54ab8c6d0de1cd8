/** Way to a field in a tree of maps and lists. */
export type FieldPath = readonly (string | number)[];

/** `spec.rules[0].backendRefs[0].weight`; keys that are not plain words stand in brackets. */
export function formatPath(path: FieldPath): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[A-Za-z_][\w-]*$/.test(part)) text += text === '' ? part : `.${part}`;
    else text += `[${JSON.stringify(clip(part))}]`;
  }
  return text;
}

/** Text of a user in a message: never so long that it hides the rest. */
export function clip(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
