import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCli } from '../../cli/testing/run-cli.ts';
import { decide } from '../../control-plane/inject/additions.ts';
import { defaultInjectOptions } from '../../control-plane/inject/options.ts';
import { parseFlags } from '../../sidecar/bootstrap/parse-flags.ts';
import { type ProxyReady, TestMesh } from '../harness/mesh.ts';
import { root } from '../harness/process.ts';

// What the injector writes into containers is what the programs in the image understand.

interface Container {
  name: string;
  args: string[];
  env?: { name: string }[];
}

/** What the kubelet puts for the variables of the pod. */
const variables: Record<string, string> = {
  POD_NAME: 'cart-7d4b9c6f5-x2x8k',
  POD_NAMESPACE: 'shop',
  SERVICE_ACCOUNT: 'cart',
  POD_IP: '127.0.0.1',
};

let mesh: TestMesh;
beforeAll(async () => {
  mesh = await TestMesh.start({ namespace: 'shop' });
});
afterAll(() => mesh.close());

function containers(annotations: Record<string, string> = {}): Container[] {
  const decision = decide(
    {
      metadata: { labels: { app: 'cart' }, annotations },
      spec: { containers: [{ name: 'cart', image: 'cart:1' }] },
    },
    'shop',
    { ...defaultInjectOptions, controlPlane: `127.0.0.1:${mesh.xdsPort}` },
  );
  if (decision.kind !== 'inject') throw new Error(JSON.stringify(decision));
  return decision.additions.initContainers as Container[];
}

/** The arguments of the proxy's container as it gets them, with the volumes at `files`. */
function proxyArgs(annotations: Record<string, string>, files: string): string[] {
  const proxy = containers(annotations)[1] as Container;
  const given = new Set(proxy.env?.map(({ name }) => name));
  const args = proxy.args.map((arg) =>
    arg
      .replaceAll(/\$\((\w+)\)/g, (whole, name: string) => (given.has(name) ? (variables[name] ?? whole) : whole))
      .replace('/var/run/heddle', files),
  );
  expect(args.join(' ')).not.toContain('$(');
  return args;
}

/** A folder as the pod's volumes make it. */
async function volumes(name: string): Promise<string> {
  const folder = path.join(mesh.folder, name);
  for (const volume of ['trust', 'token', 'state']) fs.mkdirSync(path.join(folder, volume), { recursive: true });
  fs.copyFileSync(mesh.trustBundle, path.join(folder, 'trust/trust-bundle.pem'));
  fs.writeFileSync(path.join(folder, 'token/token'), `${await mesh.token('cart')}\n`);
  return folder;
}

test("the sidecar accepts the injected arguments and reads from them what the pod's annotations say", async () => {
  const files = await volumes('parsed');
  const [command, ...flags] = proxyArgs(
    {
      'config.heddle.dev/access-log': 'true',
      'config.heddle.dev/trace-sample': '0.25',
      'config.heddle.dev/log-level': 'warn',
    },
    files,
  );
  expect(command).toBe('sidecar');
  expect(parseFlags(flags)).toMatchObject({
    kind: 'options',
    options: {
      mode: 'sidecar',
      name: 'cart-7d4b9c6f5-x2x8k',
      namespace: 'shop',
      serviceAccount: 'cart',
      address: '127.0.0.1',
      labels: { app: 'cart' },
      accessLog: { target: 'stdout' },
      traceSampling: 0.25,
      logLevel: 'warn',
      stateDir: path.join(files, 'state'),
    },
  });
});

test('heddle starts with the injected arguments, joins the mesh as the service account, and ends with 0 on SIGTERM', async () => {
  const args = proxyArgs({}, await volumes('started'));
  // The ports of a pod of its own are not free on a machine of many.
  const program = mesh.program('pod', process.execPath, [
    path.join(root, 'bin/heddle.mjs'),
    ...args,
    '--outbound-port=0',
    '--admin-port=0',
    '--exit-with-parent',
  ]);
  const ready = await program.ready<ProxyReady & { pid: number }>();
  expect(ready.spiffeId).toBe('spiffe://cluster.local/ns/shop/sa/cart');
  // No second process between the kubelet and the proxy.
  expect(ready.pid).toBe(program.child.pid);
  const ended = new Promise((resolve) => program.child.once('exit', (code, signal) => resolve({ code, signal })));
  program.child.kill('SIGTERM');
  expect(await ended).toEqual({ code: 0, signal: null });
});

test('heddle interception accepts the arguments of the init container', async () => {
  const [init] = containers({
    'config.heddle.dev/skip-outbound-ports': '3306,6000-6010',
    'config.heddle.dev/skip-inbound-ports': '9100',
  });
  const args = init?.args ?? [];
  expect(args.slice(0, 2)).toEqual(['interception', 'install']);
  const result = await runCli(['interception', 'print', ...args.slice(2)]);
  expect(result).toMatchObject({ code: 0, stderr: '' });
  for (const words of ['3306', '6000-6010', '9100', '1337']) expect(result.stdout).toContain(words);
});

test('heddle sidecar and heddle interception keep the exit code of the program', async () => {
  expect(await runCli(['sidecar', '--frobnicate'])).toMatchObject({
    code: 64,
    stderr: expect.stringContaining("sidecar: Unknown option '--frobnicate'"),
  });
  expect((await runCli(['interception', 'frobnicate'])).code).toBe(64);
});
