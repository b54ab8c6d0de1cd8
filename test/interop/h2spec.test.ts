import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type App, startApp } from '../harness/app.ts';
import { goProgram } from '../harness/peers.ts';
import { runProgram } from '../harness/run-program.ts';
import { startEdge, type TestEdge } from './edge.ts';

// The conformance suite for HTTP/2 servers, against the gateway as it is used.

const h2spec = goProgram('h2spec', 'github.com/summerwind/h2spec/cmd/h2spec@latest');

/** Failures of the suite that are none, with the reason. */
const explained: Readonly<Record<string, string>> = {
  'http2/3.5: Sends invalid connection preface':
    'the port speaks HTTP/1.1 too, so what does not begin with the preface is refused as an HTTP/1.1 request (400), not with frames',
};

let app: App;
let edge: TestEdge;

beforeAll(async () => {
  if (h2spec.absent !== undefined) return;
  app = await startApp((request, response) => {
    request.resume();
    response.end('a body for the suite');
  });
  edge = await startEdge(app.port);
}, 60_000);

afterAll(async () => {
  await edge?.close();
  await app?.close();
});

async function run(flags: readonly string[]): Promise<{ passed: number; failed: string[] }> {
  const report = path.join(edge.mesh.folder, 'h2spec.xml');
  await runProgram(h2spec.path as string, ['-h', '127.0.0.1', '-o', '5', '-j', report, ...flags], 280_000);
  const cases = fs.readFileSync(report, 'utf8').split('<testcase ').slice(1);
  const failed = cases
    .filter((text) => text.includes('<failure') || text.includes('<error'))
    .map((text) => `${/package="([^"]*)"/.exec(text)?.[1]}: ${/classname="([^"]*)"/.exec(text)?.[1]}`)
    .filter((name) => !(name in explained));
  return { passed: cases.length - failed.length, failed };
}

test.skipIf(h2spec.absent !== undefined)(
  `P-06: h2spec finds no failure over plaintext with prior knowledge${h2spec.absent === undefined ? '' : ` (${h2spec.absent})`}`,
  { timeout: 300_000 },
  async () => {
    const { passed, failed } = await run(['-p', String(edge.ports.http)]);
    expect(failed).toEqual([]);
    expect(passed).toBeGreaterThan(140);
  },
);

test.skipIf(h2spec.absent !== undefined)('P-06: h2spec finds no failure over TLS', { timeout: 300_000 }, async () => {
  const { passed, failed } = await run(['-t', '-k', '-p', String(edge.ports.https)]);
  expect(failed).toEqual([]);
  expect(passed).toBeGreaterThan(140);
});
