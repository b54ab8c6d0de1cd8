import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { Resource } from '../../../proto/gen/envoy/service/discovery/v3/discovery.ts';
import { formatFileProblem } from '../../../sidecar/bootstrap/config-text.ts';
import { loadBootstrap } from '../../../sidecar/bootstrap/load-bootstrap.ts';
import { createFindings } from '../../../sidecar/discovery/decode-context.ts';
import { decodeResources } from '../../../sidecar/discovery/decode-response.ts';
import { typeUrls } from '../../../sidecar/discovery/type-urls.ts';
import { root } from '../../harness/process.ts';
import { damage, type FuzzTarget, pick } from '../target.ts';

const folder = path.join(root, 'examples/envoy');
const texts = fs
  .readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.(?:yaml|json)$/.test(name))
  .toSorted()
  .map((name) => fs.readFileSync(path.join(folder, name)));
/** Nothing outside of the text is there to be read. */
const local = {
  readFile: (name: string): Buffer => {
    throw new Error(`no file ${name}`);
  },
  environment: () => undefined,
};
const load = (text: string) => loadBootstrap({ file: 'f', text, nodeId: '', nodeCluster: '', local, now: 0 });

const words = [
  '{',
  '}',
  '[',
  ']',
  ': ',
  '- ',
  '\n',
  '\n  ',
  '"',
  "'",
  '&a ',
  '*a',
  '!!binary ',
  '<<: *a',
  '---\n',
  '|',
  '0x7fffffffffffffff',
  '-1',
  '1e400',
  'null',
  'true',
  '9999999999s',
  '__proto__: 1\n',
  'constructor: {}\n',
  '"@type": ',
  '\u0000',
];
const yamlTokens = words.map((word) => Buffer.from(word));

export const bootstrapText: FuzzTarget = {
  name: 'bootstrap',
  make: (random) => damage(pick(texts, random), random, yamlTokens),
  check(input) {
    const loaded = load(input.toString('utf8'));
    if (loaded.ok) return;
    assert.ok(loaded.problems.length > 0);
    for (const problem of loaded.problems) {
      assert.ok(problem.line >= 1 && problem.column >= 1);
      assert.doesNotMatch(formatFileProblem(problem), /[\r\n]/);
    }
  },
};

const types = ['cluster', 'listener', 'secret', 'route', 'endpoint'] as const;
type Type = (typeof types)[number];

/** The resources of all examples, as a server sends them. */
const resources = texts.flatMap((text): { type: Type; bytes: Buffer }[] => {
  const loaded = load(text.toString('utf8'));
  if (!loaded.ok) return [];
  return (['cluster', 'listener', 'secret'] as const).flatMap((type) =>
    loaded.value.resources[type].map(({ resource }) => ({ type, bytes: Buffer.from(resource?.value ?? []) })),
  );
});

/** The first byte says which type the rest is taken for. */
export const xds: FuzzTarget = {
  name: 'xds',
  make(random) {
    const { type, bytes } = pick(resources, random);
    const taken = random() < 0.9 ? types.indexOf(type) : Math.floor(random() * types.length);
    return Buffer.concat([
      Buffer.from([taken]),
      damage(bytes, random, [pick(resources, random).bytes.subarray(0, 40)]),
    ]);
  },
  check(input) {
    const type = types[(input[0] ?? 0) % types.length] as Type;
    const packed = Resource.fromPartial({
      name: 'fuzzed',
      version: '1',
      resource: { typeUrl: typeUrls[type], value: input.subarray(1) },
    });
    // What is not accepted is refused, with a reason: a NACK, and never an exception.
    const { accepted, refused } = decodeResources(type, [packed], {
      trustDomain: 'a.test',
      now: 0,
      local,
      findings: createFindings(),
    });
    assert.equal(accepted.length + refused.length, 1);
    for (const { problems } of refused) assert.ok(problems.length > 0);
  },
};
