import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestAuthority } from '../../test/harness/authority.ts';
import { parseFlags } from './parse-flags.ts';
import { pickPorts } from './pick-ports.ts';
import { SealedFile } from './sealed-file.ts';

let folder: string;
let bundle: string;

beforeAll(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'heddle-flags-'));
  bundle = path.join(folder, 'roots.pem');
  fs.writeFileSync(bundle, (await TestAuthority.create()).pem);
});

afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

function options(...argv: string[]) {
  const parsed = parseFlags(['--name', 'cart-1', '--trust-bundle', bundle, ...argv]);
  if (parsed.kind !== 'options') throw new Error(JSON.stringify(parsed));
  return parsed.options;
}

function problems(...argv: string[]): readonly string[] {
  const parsed = parseFlags(argv);
  return parsed.kind === 'problems' ? parsed.problems : [];
}

test('ports, upstreams and labels are read, and the rest has its defaults', () => {
  const ports = ['--port', 'web=3000/http:80', '--port', '6379/tcp', '--inbound-port', '15006'];
  const more = [
    '--service',
    'cart',
    '--label',
    'version=v1',
    '--upstream',
    'redis.data:6379=7000',
    '--outbound-port',
    '-1',
  ];
  expect(options(...ports, ...more)).toMatchObject({
    mode: 'sidecar',
    namespace: 'default',
    serviceAccount: 'cart',
    labels: { version: 'v1' },
    ports: [
      { name: 'web', appPort: 3000, protocol: 'http', servicePort: 80, inboundPort: 15006 },
      { name: 'tcp-6379', appPort: 6379, protocol: 'tcp', servicePort: 0, inboundPort: 0 },
    ],
    upstreams: [{ service: 'redis.data:6379', localPort: 7000 }],
    outboundPort: -1,
    address: '127.0.0.1',
    adminPort: 15000,
    drainSeconds: 30,
  });
});

test('all problems are told at once', () => {
  expect(
    problems(
      '--name=Cart_1',
      '--mode=proxy',
      '--port=web',
      '--port=70000/udp',
      '--upstream=redis',
      '--address=localhost',
      '--outbound-port=-2',
      '--trace-sample=2',
      '--label=a',
      '--gateway=x',
      '--log-level=loud',
      '--control-plane=here',
      '--otlp=ftp://x',
    ),
  ).toHaveLength(15);
  expect(problems('--no-such-flag')[0]).toMatch(/no-such-flag/);
  expect(problems('--name', 'a', '--mode', 'gateway', '--trust-bundle', bundle, '--port', '80')).toEqual([
    '--gateway is missing, as <namespace>/<name>; --mode gateway needs it',
    '--port belongs to --mode sidecar; a gateway has the ports of its Gateway',
  ]);
});

test('free ports are picked once, and picked again after a restart', async () => {
  const parsed = options('--port', '3000', '--port', '3001', '--upstream', 'web=0', '--outbound-port', '0');
  const file = () => new SealedFile(path.join(folder, 'state'), 'ports', 'cart-1.default');
  const first = await pickPorts(parsed, file());
  const all = [...first.ports.map(({ inboundPort }) => inboundPort), first.upstreams[0]?.localPort, first.outboundPort];
  expect(new Set(all).size).toBe(4);
  expect(all.every((port) => port !== undefined && port > 0)).toBe(true);
  expect(await pickPorts(parsed, file())).toEqual(first);
});
