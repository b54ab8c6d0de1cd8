import { Command } from 'commander';
import type { ProxyStatus, Resource } from '../../proto/api/v1.ts';
import type { CliContext } from '../context.ts';
import { objectReferences } from '../input/object-references.ts';
import { age } from '../output/duration.ts';
import { serialize } from '../output/format.ts';
import { printable } from '../output/printable.ts';
import { conditionsOf, failing } from '../output/resource-table.ts';
import { type Style, styleFor } from '../output/style.ts';
import { renderTable } from '../output/table.ts';
import { getOne } from './get.ts';
import { examples, namespaceOption, type ServerOptions, serverOption } from './shared-options.ts';

interface Options extends ServerOptions {
  readonly namespace: string;
}

export function describeCommand(context: CliContext): Command {
  const command = new Command('describe')
    .description('One object with its conditions; ends with whether it is in force')
    .argument('<kind>', 'kind, or kind/name')
    .argument('[names...]');
  examples(command, 'heddle describe httproute ratings -n shop', 'heddle describe gateway/edge -n shop');
  return namespaceOption(serverOption(command)).action(async (kind: string, names: string[], options: Options) => {
    const client = context.client(options.server);
    const items = await Promise.all(
      objectReferences(kind, names).map((object) => getOne(client, object.kind, options.namespace, object.name)),
    );
    const texts = await Promise.all(items.map((item) => renderDescription(item, styleFor(context.stdout), Date.now())));
    context.stdout.write(texts.join('\n\n') + refusals((await client.proxies()).items));
  });
}

/** What is in force for the control plane need not be so at a proxy: one line for each that refused a push. */
function refusals(proxies: readonly ProxyStatus[]): string {
  return proxies
    .flatMap(({ id, connected, types }) => {
      const refused = Object.entries(types).filter(([, type]) => connected && type.state === 'NACK');
      return refused.map(([name, type]) => `The proxy ${id} refused ${name}: ${printable(type.error)}\n`);
    })
    .join('');
}

/** What a person asks of an object, the most important last: that is what stays on the screen. */
async function renderDescription(item: Resource, style: Style, now: number): Promise<string> {
  const { metadata } = item;
  const lines = [
    ['Name', metadata.name],
    ['Namespace', metadata.namespace],
    ['Kind', `${item.kind} (${item.apiVersion})`],
    ['Labels', pairs(metadata.labels)],
    ['Annotations', pairs(metadata.annotations)],
    ['Created', `${metadata.creationTimestamp ?? 'unknown'} (${age(metadata.creationTimestamp, now)} ago)`],
    ['Generation', String(metadata.generation ?? 'unknown')],
  ].map(([title = '', value = '']) => `${`${title}:`.padEnd(14)}${printable(value)}\n`);
  const body = { spec: item.spec, data: item.data, type: item.type };
  for (const [name, value] of Object.entries(body)) {
    if (value === undefined) continue;
    const yaml = await serialize(value, 'yaml');
    const indented = yaml
      .trimEnd()
      .split('\n')
      .map((line) => `  ${printable(line)}\n`);
    lines.push(`${name.charAt(0).toUpperCase()}${name.slice(1)}:\n`, ...indented);
  }
  return lines.join('') + renderConditions(item, style, now);
}

function renderConditions(item: Resource, style: Style, now: number): string {
  const conditions = conditionsOf(item);
  if (conditions.length === 0) return '';
  const table = renderTable(
    [
      { header: 'TYPE', value: ({ condition }) => condition.type },
      {
        header: 'STATUS',
        value: ({ condition }) => condition.status,
        colour: ({ condition }) => (condition.status === 'False' ? 'red' : undefined),
      },
      { header: 'REASON', value: ({ condition }) => condition.reason },
      { header: 'AGE', value: ({ condition }) => age(condition.lastTransitionTime, now) },
      { header: 'FOR', value: ({ place }) => place },
      { header: 'MESSAGE', value: ({ condition }) => condition.message },
    ],
    conditions,
    style,
  );
  const bad = failing(item);
  const verdict =
    bad === undefined
      ? style('green', 'In force.')
      : style('red', `Not (wholly) in force: ${printable(`${bad.reason}: ${bad.message}`)}`);
  return `Conditions:\n${table
    .trimEnd()
    .split('\n')
    .map((line) => `  ${line}\n`)
    .join('')}\n${verdict}\n`;
}

function pairs(values: Readonly<Record<string, string>> | undefined): string {
  const entries = Object.entries(values ?? {});
  return entries.length === 0 ? '<none>' : entries.map(([key, value]) => `${key}=${value}`).join(', ');
}
