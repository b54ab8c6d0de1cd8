import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { makeSvid, makeTestAuthority } from '../../test/harness/certificates.ts';
import { wrk } from '../load/wrk.ts';
import { nginx } from '../peers/nginx.ts';
import { type Measured, processTree, rssMiB, stop } from '../processes.ts';
import type { Context } from '../scenario.ts';
import { Upstreams } from '../upstreams/upstreams.ts';
import type { ProcessConfig } from './proxy-process.ts';

// CPU time for each request of the data path alone: proxies with a fixed configuration and no control plane, beside
// nginx. node bench/micro/proxy.ts [gateway] [pair] [--seconds 4] [--rounds 3] [--connections 64,8,1] [--observed]
// [--http1] [--prof DIR] [--flags=…] [--tree DIR]

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '3' },
    /** One or several counts, by comma. All proxies are warm before the first. */
    connections: { type: 'string', default: '64' },
    observed: { type: 'boolean', default: false },
    /** HTTP/1 between the proxies of a pair. */
    http1: { type: 'boolean', default: false },
    prof: { type: 'string' },
    /** For the Node of our proxies, and not of another tree's. */
    flags: { type: 'string', default: '' },
    'no-nginx': { type: 'boolean', default: false },
    /** Another checkout of this repository, whose proxies take turns with ours. */
    tree: { type: 'string' },
  },
});
const ownTree = path.join(import.meta.dirname, '../..');
const wanted = positionals.length > 0 ? positionals : ['gateway', 'pair'];
const loadCore = os.cpus().length - 1;
const hop = values.http1 ? ('http1' as const) : ('auto' as const);
const spiffeId = 'spiffe://bench.local/ns/bench/sa/app';

interface Candidate extends Measured {
  port: number;
}

async function startProxy(
  context: Context,
  config: ProcessConfig,
  tree: string,
): Promise<{ port: number; process: Measured }> {
  const file = path.join(context.folder, `${config.role}.json`);
  fs.writeFileSync(file, JSON.stringify(config));
  const flags = tree === ownTree ? values.flags.split(' ').filter((flag) => flag !== '') : [];
  if (values.prof !== undefined) flags.push('--cpu-prof', '--cpu-prof-dir', path.join(values.prof, config.role));
  const script = path.join(tree, 'bench/micro/proxy-process.ts');
  const child = spawn('taskset', ['-c', String(context.core), process.execPath, ...flags, script, file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const pids = () => processTree(child.pid as number);
  return { port: Number(String(line)), process: { name: config.role, pids, stop: () => stop(child) } };
}

async function startGateway(context: Context, name: string, tree: string): Promise<Candidate> {
  const config = { role: 'gateway' as const, secrets: [], expectedId: '', observed: values.observed, hop };
  const upstreamPort = await context.upstreams.http();
  const { port, process } = await startProxy(context, { ...config, upstreamPort }, tree);
  return { ...process, name, port };
}

async function startPair(context: Context, name: string, tree: string): Promise<Candidate> {
  const authority = await makeTestAuthority();
  const svid = await makeSvid(authority, spiffeId);
  const secrets: ProcessConfig['secrets'] = [
    { kind: 'certificate', name: 'default', notAfter: Number.MAX_SAFE_INTEGER, ...svid },
    {
      kind: 'validation',
      name: 'ROOTCA',
      trustDomain: 'bench.local',
      rootsPem: authority.certificate.toString('pem'),
    },
  ];
  const shared = { secrets, expectedId: spiffeId, observed: values.observed, hop };
  const upstreamPort = await context.upstreams.http();
  const far = await startProxy(context, { role: 'inbound', upstreamPort, ...shared }, tree);
  const near = await startProxy(context, { role: 'outbound', upstreamPort: far.port, ...shared }, tree);
  return {
    name,
    port: near.port,
    pids: () => [...near.process.pids(), ...far.process.pids()],
    async stop() {
      await near.process.stop();
      await far.process.stop();
    },
  };
}

/** User and system time so far, in milliseconds. */
function splitCpuMs(pids: readonly number[]): [number, number] {
  let [user, system] = [0, 0];
  for (const pid of pids) {
    const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    user += Number(fields[11]) * 10;
    system += Number(fields[12]) * 10;
  }
  return [user, system];
}

async function compare(name: string, candidates: readonly Candidate[], connections: number): Promise<void> {
  const seen = new Map<string, number[]>();
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const candidate of candidates) {
      const [user, system] = splitCpuMs(candidate.pids());
      const result = await wrk(candidate.port, loadCore, Number(values.seconds), { connections });
      const [userAfter, systemAfter] = splitCpuMs(candidate.pids());
      const perRequest = (ms: number) => (ms * 1000) / result.done;
      const micros = perRequest(userAfter - user + systemAfter - system);
      const split = `${perRequest(userAfter - user).toFixed(1)} user + ${perRequest(systemAfter - system).toFixed(1)} system`;
      seen.set(candidate.name, [...(seen.get(candidate.name) ?? []), micros]);
      console.log(
        `${name} ${candidate.name}: ${micros.toFixed(1)} µs/request (${split}), ${Math.round(result.done / result.seconds)}/s, ` +
          `p50 ${result.p50Ms} ms, p99 ${result.p99Ms} ms, errors ${result.errors}, ${rssMiB(candidate.pids()).toFixed(0)} MiB`,
      );
    }
  }
  for (const [candidate, micros] of seen) {
    const sorted = micros.toSorted((a, b) => a - b);
    const median = sorted[Math.floor(sorted.length / 2)]?.toFixed(1);
    console.log(
      `${name} ${candidate}, ${connections} connections: least ${sorted[0]?.toFixed(1)}, median ${median} µs/request`,
    );
  }
}

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'heddle-bench-'));
const upstreams = new Upstreams(folder, loadCore);
const context: Context = { upstreams, folder, core: 0 };
try {
  for (const name of wanted) {
    const start = name === 'gateway' ? startGateway : startPair;
    const candidates: Candidate[] = [await start(context, 'heddle', ownTree)];
    if (values.tree !== undefined) candidates.push(await start(context, 'other tree', path.resolve(values.tree)));
    if (!values['no-nginx']) candidates.push(await nginx(name === 'gateway' ? 'gateway' : 'pair').start(context));
    try {
      for (const { port } of candidates) await wrk(port, loadCore, 3, { connections: 64 });
      for (const connections of values.connections.split(',')) await compare(name, candidates, Number(connections));
    } finally {
      for (const candidate of candidates) await candidate.stop();
    }
  }
} finally {
  await upstreams.close();
  fs.rmSync(folder, { recursive: true, force: true });
}
