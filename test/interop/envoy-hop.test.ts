import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../../bench/processes.ts';
import { type App, get, startApp } from '../harness/app.ts';
import { makeSvid, makeTestAuthority } from '../harness/certificates.ts';
import { envoyProgram } from '../harness/peers.ts';
import { Program, root, until } from '../harness/process.ts';
import { calledProxy, callingProxy, type HopIdentity } from './hop-bootstrap.ts';

// One bootstrap for the calling proxy and one for the called one, each given to Heddle and to Envoy: app → A → mutual
// TLS and HTTP/2 → B → app in all four pairings. Envoy to Envoy shows that the files say what is meant.

const envoy = envoyProgram();
const programs = ['heddle', 'envoy'] as const;
type ProxyName = (typeof programs)[number];

const ids = { caller: 'spiffe://mesh.test/ns/default/sa/caller', called: 'spiffe://mesh.test/ns/default/sa/called' };

let folder: string;
let app: App;
let identities: { caller: HopIdentity; called: HopIdentity; stranger: HopIdentity };
const running: Program[] = [];

beforeAll(async () => {
  if (envoy.absent !== undefined) return;
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'heddle-envoy-'));
  app = await startApp((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      response.setHeader('x-method', request.method ?? '');
      response.end(`${request.url} ${Buffer.concat(chunks).length}`);
    });
  });
  const authority = await makeTestAuthority();
  const identity = async (id: string): Promise<HopIdentity> => ({
    ...(await makeSvid(authority, id)),
    rootPem: authority.certificate.toString('pem'),
  });
  identities = {
    caller: await identity(ids.caller),
    called: await identity(ids.called),
    stranger: await identity('spiffe://mesh.test/ns/default/sa/stranger'),
  };
}, 300_000);

afterAll(async () => {
  for (const program of running.reverse()) await program.stop();
  await app?.close();
  if (folder !== undefined) fs.rmSync(folder, { recursive: true, force: true });
});

async function start(name: ProxyName, bootstrap: object, port: number): Promise<void> {
  const file = path.join(folder, `${name}-${port}.json`);
  fs.writeFileSync(file, JSON.stringify(bootstrap));
  const program =
    name === 'envoy'
      ? new Program(name, envoy.path as string, [
          '-c',
          file,
          '--use-dynamic-base-id',
          '-l',
          'error',
          '--concurrency',
          '1',
        ])
      : new Program(name, process.execPath, [path.join(root, 'sidecar/main.ts'), '-c', file, '--exit-with-parent']);
  running.push(program);
  await until(
    async () => {
      if (!program.running) throw new Error(`${name} ended: ${program.stdout}${program.stderr}`);
      return fetch(`http://127.0.0.1:${port}/`).then(
        () => true,
        (error: Error) => !String(error.cause).includes('ECONNREFUSED'),
      );
    },
    `${name} on port ${port}`,
    20_000,
    () => program.stderr,
  );
}

async function hop(caller: ProxyName, called: ProxyName, who: HopIdentity): Promise<number> {
  const [outer, inner] = [await freePort(), await freePort()];
  await start(called, calledProxy(inner, app.port, identities.called, [ids.caller]), inner);
  await start(caller, callingProxy(outer, inner, who, ids.called), outer);
  return outer;
}

describe.skipIf(envoy.absent !== undefined)(
  `mutual TLS and HTTP/2${envoy.absent === undefined ? '' : ` (${envoy.absent})`}`,
  () => {
    for (const caller of programs) {
      for (const called of programs) {
        test(`${caller} calls ${called}: requests with and without a body pass, 200 at one time too`, {
          timeout: 60_000,
        }, async () => {
          const port = await hop(caller, called, identities.caller);
          const one = await get(`http://127.0.0.1:${port}/one?q=1`);
          expect([one.status, one.body], JSON.stringify(one.headers)).toEqual([200, '/one?q=1 0']);
          const body = Buffer.alloc(1_000_000, 'b');
          const posted = await fetch(`http://127.0.0.1:${port}/post`, { method: 'POST', body });
          expect([posted.status, await posted.text()]).toEqual([200, '/post 1000000']);
          const many = await Promise.all(Array.from({ length: 200 }, (_, i) => get(`http://127.0.0.1:${port}/${i}`)));
          expect(many.map(({ status, body: text }) => `${status} ${text}`)).toEqual(many.map((_, i) => `200 /${i} 0`));
        });

        test(`${caller} calls ${called} with an identity that is not allowed: 503, and the application hears nothing`, {
          timeout: 60_000,
        }, async () => {
          const port = await hop(caller, called, identities.stranger);
          const before = app.requests.length;
          expect((await get(`http://127.0.0.1:${port}/`)).status).toBe(503);
          expect(app.requests.length).toBe(before);
        });
      }
    }
  },
);
