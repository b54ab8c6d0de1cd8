// Writes docs/envoy-compatibility.md from what the decoders of the sidecar say of each message.
// Usage: node scripts/generate-compat.ts [output file]
import fs from 'node:fs';
import path from 'node:path';
import { camelCase, type FieldShape, shapeOf } from '../sidecar/discovery/json/message-shape.ts';
import { isMessageFields, type MessageFields } from '../sidecar/discovery/message-fields.ts';
import { wholeMessages } from '../sidecar/discovery/whole-messages.ts';

const root = path.resolve(import.meta.dirname, '..');

/** Every list of fields that a decoder exports, by message and place. */
export async function readFieldLists(): Promise<MessageFields[]> {
  const files = fs.globSync('sidecar/**/decode-*.ts', { cwd: root }).filter((file) => !file.endsWith('.test.ts'));
  const modules = await Promise.all(files.sort().map((file) => import(path.join(root, file))));
  const lists = modules.flatMap((module: Record<string, unknown>) => Object.values(module)).filter(isMessageFields);
  return [...new Set(lists)].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

const keyOf = ({ type, place }: MessageFields) => `${type} ${place}`;

/** What the list says of a field: by its own name, as a member of a oneof, or with the whole oneof. */
function sayingOf<T>(field: FieldShape, look: (name: string) => T | undefined): T | undefined {
  const oneof = field.oneof === undefined ? undefined : camelCase(field.oneof);
  const name = camelCase(field.name);
  return look(name) ?? (oneof === undefined ? undefined : (look(`${oneof}.${name}`) ?? look(oneof)));
}

/** Types of messages in supported fields that no list is about. */
export function unlistedTypes(lists: readonly MessageFields[]): Set<string> {
  const listed = new Set(lists.map(({ type }) => type));
  const types = new Set<string>();
  for (const list of lists) {
    for (const field of shapeOf(list.type)?.fields ?? []) {
      const isSupported = sayingOf(field, (name) => list.supported.includes(name) || undefined) === true;
      if (isSupported && shapeOf(field.type) !== undefined && !listed.has(field.type)) types.add(field.type);
    }
  }
  return types;
}

function describeMessage(list: MessageFields): string {
  const fields = shapeOf(list.type)?.fields ?? [];
  const ignored = (field: FieldShape) => sayingOf(field, (name) => list.ignored[name]);
  const limit = (field: FieldShape) => sayingOf(field, (name) => list.limits[name]);
  const isSupported = (field: FieldShape) =>
    ignored(field) === undefined && sayingOf(field, (name) => list.supported.includes(name) || undefined) === true;
  const supported = fields.filter(isSupported);
  const passed = fields.filter((field) => ignored(field) !== undefined);
  const refused = fields.filter((field) => !supported.includes(field) && !passed.includes(field));
  const name = ({ name: text }: FieldShape) => `\`${text}\``;
  const parts = [`### \`${list.type}\`${list.place === '' ? '' : `, ${list.place}`}`];
  const withLimit = (field: FieldShape) =>
    limit(field) === undefined ? name(field) : `${name(field)} (${limit(field)})`;
  if (supported.length > 0) parts.push(`Supported: ${supported.map(withLimit).join(', ')}.`);
  if (passed.length > 0) {
    parts.push(['Passed over:', '', ...passed.map((field) => `- ${name(field)}: ${ignored(field)}`)].join('\n'));
  }
  if (refused.length > 0) parts.push(`Refused: ${refused.map(name).join(', ')}.`);
  if (fields.length === 0) parts.push('Supported; it has no fields.');
  return parts.join('\n\n');
}

/** The document as it must be now. */
export async function compatibilityDocument(): Promise<string> {
  const lists = await readFieldLists();
  const types = [...new Set(lists.map(({ type }) => type))];
  const extensions = types.filter((type) => isExtension(type, types));
  return `# What of Envoy's configuration is supported

<!-- Written by \`npm run generate:compat\` from the lists in the decoders (\`fieldsOf\`). Do not edit. -->

A Heddle proxy takes Envoy v3 resources: from a control plane over ADS, or from a bootstrap file
(\`heddle sidecar -c envoy.yaml\`). This is every message it reads and what it does with each field of it. A field that is
set and not supported is refused by its path, as is a message, an extension or a \`@type\` that is not here: nothing is
ignored silently. What is passed over is so for the reason given, and \`heddle sidecar --mode validate -c envoy.yaml\`
tells where a file sets it.

## Extensions

By the \`@type\` of an \`Any\`:

${extensions.map((type) => `- \`${type}\``).join('\n')}

## Messages

${lists.map(describeMessage).join('\n\n')}

## Read whole

All of these is read, but for what stands beside.

${Object.entries(wholeMessages)
  .map(([type, note]) => `- \`${type}\`${note === '' ? '' : `: ${note}`}`)
  .join('\n')}
`;
}

/**
 * Whether a message stands in an `Any`: a filter, a policy, a socket. Then no field of the others is of its type, but for
 * its own form for a route (`BufferPerRoute`).
 */
function isExtension(type: string, types: readonly string[]): boolean {
  if (!/^(envoy\.extensions|heddle)\./.test(type)) return false;
  return !types.some(
    (other) => !other.startsWith(type) && (shapeOf(other)?.fields ?? []).some((field) => field.type === type),
  );
}

if (process.argv[1] === import.meta.filename) {
  const output = process.argv[2] ?? path.join(root, 'docs/envoy-compatibility.md');
  fs.writeFileSync(output, await compatibilityDocument());
}
