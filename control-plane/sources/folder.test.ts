import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { silentLog } from '../../lib/log.ts';
import { makeTestDirectory, openTestState, type TestState, testService } from '../store/test-state.ts';
import { Folder } from './folder.ts';
import { apiSource, releaseUnwatched } from './ownership.ts';

let state: TestState;
let directory: string;
let folder: Folder | undefined;
beforeEach(() => {
  state = openTestState();
  directory = makeTestDirectory();
});
afterEach(() => {
  folder?.close();
  folder = undefined;
  state.dispose();
  fs.rmSync(directory, { recursive: true, force: true });
});

const service = (name: string, port = 80) =>
  `apiVersion: v1\nkind: Service\nmetadata: {name: ${name}}\nspec: {ports: [{port: ${port}}]}\n`;

function write(name: string, text: string): void {
  fs.writeFileSync(path.join(directory, name), text);
}

function open(): Folder {
  folder = new Folder({ directory, store: state.store, namespace: 'shop', log: silentLog });
  return folder;
}

/** `name:port` of each service. */
function services(): string[] {
  return state.store.list('Service').map(({ resource }) => {
    const { ports } = resource.spec as { ports: { port: number }[] };
    return `${resource.metadata.name}:${ports[0]?.port}`;
  });
}

/** Waits for the watcher, not for a time. */
async function until(expected: readonly string[]): Promise<void> {
  await vi.waitFor(() => expect(services()).toEqual(expected), { timeout: 10_000, interval: 20 });
}

const messages = () => folder?.problems.map(({ file, line, message }) => `${path.basename(file)}:${line} ${message}`);

test('files are taken over at the start and followed afterwards: written, renamed into place, moved, removed', async () => {
  write('a.yaml', service('a'));
  write('notes.txt', 'no yaml');
  write('.hidden.yaml', service('hidden'));
  open();
  expect(services()).toEqual(['a:80']);

  write('b.yml', service('b'));
  await until(['a:80', 'b:80']);
  fs.writeFileSync(path.join(directory, 'a.yaml.tmp'), service('a', 81));
  fs.renameSync(path.join(directory, 'a.yaml.tmp'), path.join(directory, 'a.yaml'));
  await until(['a:81', 'b:80']);
  fs.renameSync(path.join(directory, 'b.yml'), path.join(directory, 'c.yaml'));
  write('d.json', JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [] }));
  fs.rmSync(path.join(directory, 'a.yaml'));
  await until(['b:80']);
  expect(messages()).toEqual([]);
});

test('CF-12: a file that breaks keeps its last good objects and is reported until it is sound', () => {
  write('a.yaml', `${service('a')}---\n${service('a2')}`);
  write('b.yaml', service('b'));
  open();
  write('a.yaml', `${service('a', 81)}---\n${service('a2').replace('port: 80', 'prt: 80')}`);
  write('b.yaml', service('b', 81));
  folder?.scan();
  expect(services()).toEqual(['a:80', 'a2:80', 'b:81']);
  expect(messages()).toEqual(['a.yaml:9 required field `port` is missing', 'a.yaml:9 unknown field `prt`']);

  // Also across a restart, and also when the file is cut to nothing.
  folder?.close();
  write('a.yaml', '');
  open();
  expect(services()).toContain('a:80');
  expect(messages()).toEqual(['a.yaml:0 the file is empty; remove the file to delete its objects']);
  write('a.yaml', service('a', 82));
  folder?.scan();
  expect(services()).toEqual(['a:82', 'b:81']);
  expect(messages()).toEqual([]);
});

test('CF-12: what is no regular file, too large, open to everybody or outside the folder is refused and keeps its objects', () => {
  const outside = makeTestDirectory();
  fs.writeFileSync(path.join(outside, 'x.yaml'), service('outside'));
  const replacements: Record<string, (file: string) => void> = {
    'link.yaml': (file) => fs.symlinkSync(path.join(outside, 'x.yaml'), file),
    'zero.yaml': (file) => fs.symlinkSync('/dev/zero', file),
    'gone.yaml': (file) => fs.symlinkSync(path.join(outside, 'nothing'), file),
    'fifo.yaml': (file) => execFileSync('mkfifo', [file]),
    'folder.yaml': (file) => fs.mkdirSync(file),
    'large.yaml': (file) => fs.writeFileSync(file, '#'.repeat(4 * 1024 * 1024 + 1)),
    'open.yaml': (file) => {
      fs.writeFileSync(file, service('open', 81));
      fs.chmodSync(file, 0o666);
    },
    'bytes.yaml': (file) => fs.writeFileSync(file, Buffer.from([0x61, 0x3a, 0xff, 0xfe])),
  };
  const names = Object.keys(replacements).map((name) => name.replace('.yaml', ''));
  for (const name of names) write(`${name}.yaml`, service(name));
  open();
  expect(services()).toHaveLength(names.length);
  for (const [name, replace] of Object.entries(replacements)) {
    fs.rmSync(path.join(directory, name));
    replace(path.join(directory, name));
  }
  folder?.scan();
  expect(services()).toEqual(names.map((name) => `${name}:80`).sort());
  expect(new Set(folder?.problems.map(({ file }) => path.basename(file)))).toEqual(new Set(Object.keys(replacements)));
  fs.rmSync(outside, { recursive: true });
});

test('CF-13: the ..data swap of a Kubernetes mount is seen', async () => {
  const version = (name: string, port: number) => {
    fs.mkdirSync(path.join(directory, name));
    fs.writeFileSync(path.join(directory, name, 'a.yaml'), service('a', port));
  };
  version('..v1', 80);
  fs.symlinkSync('..v1', path.join(directory, '..data'));
  fs.symlinkSync('..data/a.yaml', path.join(directory, 'a.yaml'));
  open();
  expect(services()).toEqual(['a:80']);
  version('..v2', 81);
  fs.symlinkSync('..v2', path.join(directory, '..data_tmp'));
  fs.renameSync(path.join(directory, '..data_tmp'), path.join(directory, '..data'));
  await until(['a:81']);
});

test('CF-13: of a storm of saves the last one is in force', async () => {
  open();
  for (let port = 1; port <= 500; port++) {
    write('a.yaml', service('a', port));
    if (port % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await until(['a:500']);
});

test('a folder that vanishes takes nothing with it', () => {
  write('a.yaml', service('a'));
  open();
  fs.rmSync(directory, { recursive: true });
  folder?.scan();
  expect(services()).toEqual(['a:80']);
  expect(folder?.problems).toHaveLength(1);
});

test('an object has one owner: the first file or the API, and the other is told', () => {
  state.store.put({ ...testService('a') }, apiSource);
  write('a.yaml', service('a', 81));
  write('b.yaml', service('b'));
  write('c.yaml', service('b', 81));
  open();
  expect(services()).toEqual(['a:80', 'b:80']);
  expect(messages()).toEqual([
    expect.stringMatching(/^c.yaml:1 Service shop\/b is already defined by .*b.yaml$/),
    expect.stringMatching(/^a.yaml:1 Service shop\/a was applied through the API; delete it there first$/),
  ]);
  // Once the owner lets go, the next look takes it over without any change of the file.
  state.store.delete('Service', 'shop', 'a');
  folder?.scan();
  expect(services()).toEqual(['a:81', 'b:80']);
});

test('objects of a folder that is no longer watched go to the API', () => {
  write('a.yaml', service('a'));
  open();
  expect(releaseUnwatched(state.store, [directory])).toBe(0);
  expect(releaseUnwatched(state.store, [])).toBe(1);
  expect(state.store.get('Service', 'shop', 'a')?.source).toBe(apiSource);
});
