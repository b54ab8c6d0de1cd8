import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { ApplyRequest, ApplyResponse, DiffResponse, Resource, ResourceList } from '../../proto/api/v1.ts';
import { ApiServer, apiError } from '../testing/api-server.ts';
import { runCli } from '../testing/run-cli.ts';

let api: ApiServer;
let folder: string;
beforeAll(async () => {
  api = await ApiServer.start();
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'heddle-cli-'));
});
beforeEach(() => api.reset());
afterAll(async () => {
  await api.close();
  fs.rmSync(folder, { recursive: true });
});

const cli = (args: readonly string[], input?: string) =>
  runCli(args, { server: api.url, cwd: folder, ...(input === undefined ? {} : { input }) });

function route(name: string, more: Partial<Resource['metadata']> = {}, reason?: string): Resource {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name, namespace: 'shop', creationTimestamp: '2020-01-01T00:00:00Z', ...more },
    spec: { parentRefs: [{ kind: 'Service', name: 'ratings' }], rules: [{ backendRefs: [{ name: 'v1', port: 80 }] }] },
    status: {
      parents: [
        {
          parentRef: { kind: 'Service', name: 'ratings' },
          conditions: [
            {
              type: 'Accepted',
              status: reason === undefined ? 'True' : 'False',
              reason: reason ?? 'Accepted',
              message: reason === undefined ? '' : 'there is no service v1',
              lastTransitionTime: '2020-01-01T00:00:00Z',
            },
          ],
        },
      ],
    },
  };
}

const applied: ApplyResponse = {
  results: [{ kind: 'HTTPRoute', namespace: 'shop', name: 'ratings', action: 'configured' }],
};

test('apply sends files, folders and standard input as they are, and prints what became of each object', async () => {
  fs.mkdirSync(path.join(folder, 'mesh/deep'), { recursive: true });
  fs.writeFileSync(path.join(folder, 'one.yaml'), 'kind: One # kept');
  fs.writeFileSync(path.join(folder, 'mesh/two.yml'), 'kind: Two');
  fs.writeFileSync(path.join(folder, 'mesh/readme.md'), 'not sent');
  fs.writeFileSync(path.join(folder, 'mesh/deep/three.json'), '{}');
  api.answer('POST /api/v1/apply', applied);
  const result = await cli(['apply', '-n', 'shop', '-R', '-f', 'one.yaml', '-f', 'mesh', '-f', '-'], 'kind: Four');
  expect(result).toEqual({
    code: 0,
    stdout: 'httproute.gateway.networking.k8s.io/ratings configured\n',
    stderr: '',
  });
  const [call] = api.calls;
  expect(call?.headers['x-heddle-client']).toBe('cli');
  expect(call?.body).toEqual({
    files: [
      { name: 'one.yaml', text: 'kind: One # kept' },
      { name: 'mesh/deep/three.json', text: '{}' },
      { name: 'mesh/two.yml', text: 'kind: Two' },
      { name: '-', text: 'kind: Four' },
    ],
    namespace: 'shop',
    dryRun: false,
  } satisfies ApplyRequest);
});

test('apply prints every problem as file:line:column: object: field: message (hint), and ends with 1', async () => {
  const place = { file: 'broken.yaml', object: 'HTTPRoute shop/ratings' };
  const { body } = apiError(422, 'invalid', 'invalid', {
    problems: [
      { ...place, line: 7, column: 9, field: 'spec.rules[0].weight', message: 'must be 0 or more', hint: 'write 0' },
      { ...place, line: 0, column: 0, object: '', field: '', message: 'a \u001b[31mred\u001b[0m herring' },
    ],
  });
  api.answer('POST /api/v1/apply', body, 422);
  const result = await cli(['apply', '-f', '-'], 'x');
  expect(result.code).toBe(1);
  expect(result.stdout).toBe('');
  expect(result.stderr.split('\n')).toEqual([
    'broken.yaml:7:9: HTTPRoute shop/ratings: spec.rules[0].weight: must be 0 or more (write 0)',
    'broken.yaml: a \\x1b[31mred\\x1b[0m herring',
    'heddle: 2 problems found; nothing was changed',
    '',
  ]);
});

test('apply --dry-run=server says so to the server and to the person', async () => {
  api.answer('POST /api/v1/apply', applied);
  const result = await cli(['apply', '--dry-run=server', '-f', '-'], 'x');
  expect(result.stdout).toContain('configured (server dry run)');
  expect(api.calls[0]?.body).toMatchObject({ dryRun: true });
});

test('get prints a table, wide adds why an object is not in force, and a peer cannot command the terminal', async () => {
  const items = [route('ratings'), route('a\u001b]0;owned\u0007', { labels: { team: 'x' } }, 'BackendNotFound')];
  api.answer<ResourceList>('GET /api/v1/resources/httproutes?namespace=shop', { items });
  const plain = await cli(['get', 'httproutes', '-n', 'shop']);
  const [header, first, second] = plain.stdout.split('\n');
  expect(header?.split(/ {2,}/)).toEqual(['NAME', 'HOSTNAMES', 'PARENTS', 'ACCEPTED', 'AGE']);
  expect(first).toMatch(/^ratings {2,}\* {2,}service\/ratings {2,}True {2,}\d+d$/);
  expect(second).toContain('a\\x1b]0;owned\\x07');
  expect(second).toContain('False (BackendNotFound)');
  expect((await cli(['get', 'httproutes', '-n', 'shop', '-o', 'wide'])).stdout).toContain('there is no service v1');
  const selected = await cli(['get', 'httproutes', '-n', 'shop', '-l', 'team!=x', '-o', 'name']);
  expect(selected.stdout).toBe('httproute.gateway.networking.k8s.io/ratings\n');
});

test('get of one object as JSON and YAML is the object; what does not exist ends with 1', async () => {
  api.answer('GET /api/v1/resources/httproute/shop/ratings', route('ratings'));
  const json = await cli(['get', 'httproute/ratings', '-n', 'shop', '-o', 'json']);
  expect(JSON.parse(json.stdout)).toEqual(route('ratings'));
  expect((await cli(['get', 'httproute', 'ratings', '-n', 'shop', '-o', 'yaml'])).stdout).toContain('name: ratings\n');
  const missing = await cli(['get', 'httproute', 'nothing', '-n', 'shop']);
  expect(missing).toMatchObject({ code: 1, stdout: '' });
});

test('describe ends with whether the object is in force', async () => {
  api.answer('GET /api/v1/resources/httproute/shop/ratings', route('ratings', {}, 'BackendNotFound'));
  api.answer('GET /api/v1/proxies', { items: [] });
  const { stdout } = await cli(['describe', 'httproute', 'ratings', '-n', 'shop']);
  expect(stdout).toContain('Spec:\n  parentRefs:\n');
  expect(stdout).toMatch(/TYPE +STATUS +REASON +AGE +FOR +MESSAGE/);
  expect(stdout.trimEnd().split('\n').at(-1)).toBe('Not (wholly) in force: BackendNotFound: there is no service v1');
  const types = { LDS: { state: 'NACK', error: 'cannot bind' }, CDS: { state: 'SYNCED', error: '' } };
  api.answer('GET /api/v1/proxies', { items: [{ id: 'edge.shop', connected: true, types }] });
  const refused = await cli(['describe', 'httproute', 'ratings', '-n', 'shop']);
  expect(refused.stdout).toMatch(/\nThe proxy edge.shop refused LDS: cannot bind\n$/);
});

test('delete by name and by file; what was not there ends with 1 unless that is fine', async () => {
  const gone = { kind: 'HTTPRoute', namespace: 'shop', name: 'gone', action: 'not-found' } as const;
  api.answer<ApplyResponse>('POST /api/v1/delete', {
    results: [{ kind: 'HTTPRoute', namespace: 'shop', name: 'ratings', action: 'deleted' }, gone],
  });
  const byName = await cli(['delete', '-n', 'shop', 'httproute', 'ratings', 'gone']);
  expect(byName).toEqual({
    code: 1,
    stdout: 'httproute.gateway.networking.k8s.io/ratings deleted\n',
    stderr: 'heddle: not found: HTTPRoute shop/gone\n',
  });
  expect(api.calls[0]?.body).toMatchObject({
    objects: [
      { kind: 'httproute', namespace: 'shop', name: 'ratings' },
      { kind: 'httproute', namespace: 'shop', name: 'gone' },
    ],
  });
  expect((await cli(['delete', '--ignore-not-found', '-f', '-'], 'x')).code).toBe(0);
  expect((await cli(['delete'])).code).toBe(64);
});

test('diff is unified, and ends with 1 only when there are differences', async () => {
  const before = ['a', 'b', 'c', 'd', 'e', 'weight: 100', 'f', ''].join('\n');
  const object = { kind: 'HTTPRoute', namespace: 'shop', name: 'ratings', action: 'configured' as const };
  const answer = (after: string): DiffResponse => ({ objects: [{ ...object, before, after }] });
  api.answer('POST /api/v1/diff', answer(before.replace('weight: 100', 'weight: 80\nmore: 1')));
  const result = await cli(['diff', '-f', '-'], 'x');
  expect(result.code).toBe(1);
  expect(result.stdout).toBe(
    [
      '--- live/httproute.shop.ratings.yaml',
      '+++ merged/httproute.shop.ratings.yaml',
      '@@ -3,5 +3,6 @@',
      ' c',
      ' d',
      ' e',
      '-weight: 100',
      '+weight: 80',
      '+more: 1',
      ' f',
      '',
    ].join('\n'),
  );
  api.answer('POST /api/v1/diff', answer(before));
  expect(await cli(['diff', '-f', '-'], 'x')).toEqual({ code: 0, stdout: '', stderr: '' });
});
