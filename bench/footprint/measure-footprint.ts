import type { ChildProcess } from 'node:child_process';
import net from 'node:net';
import path from 'node:path';
import { sidecarProgram } from '../../cli/process/sidecar-program.ts';
import { TestMesh } from '../../test/harness/mesh.ts';
import { root } from '../../test/harness/process.ts';
import { envoyPeer } from '../peers/envoy.ts';
import { haproxyPeer } from '../peers/haproxy.ts';
import { heddlePeer } from '../peers/heddle.ts';
import { nginxPeer } from '../peers/nginx.ts';
import type { Peer } from '../peers/peer.ts';
import { freePort, memoryOf, processTree, start, stop } from '../processes.ts';
import type { Context } from '../scenario.ts';

export interface Footprint {
  candidate: string;
  /** From the start of the process to the first proxied answer, one value for each start. */
  startMs: number[];
  idleRssMiB: number;
  /** Resident memory where shared pages count by their share. */
  idlePssMiB: number;
  /** Of a keep-alive connection that has had one request; the kernel's own memory is not in it. */
  bytesPerConnection: number;
}

export interface FootprintResult {
  description: string;
  measurements: Footprint[];
  absent: { candidate: string; reason: string }[];
}

export interface FootprintOptions {
  starts: number;
  /** Idle connections between the two looks at memory. */
  connections: number;
  progress(text: string): void;
}

const description =
  'memory and start of one idle proxy, HTTP/1 in and out; "node:net" is a server of a few lines that holds sockets and nothing else';

const bareServer: Peer = {
  name: 'node:net',
  version: () => process.versions.node,
  absent: () => undefined,
  async processes() {
    const port = await freePort();
    return [
      { command: process.execPath, args: [path.join(import.meta.dirname, 'bare-server.ts'), String(port)], port },
    ];
  },
};

/** Memory, and the time to the first request, of each candidate by itself. */
export async function measureFootprint(context: Context, options: FootprintOptions): Promise<FootprintResult> {
  const result: FootprintResult = { description, measurements: [], absent: [] };
  for (const peer of [nginxPeer, haproxyPeer, envoyPeer, bareServer, heddlePeer]) {
    options.progress(`footprint: ${peer.name}`);
    const missing = peer.absent();
    try {
      if (missing === undefined) result.measurements.push(await measurePeer(peer, context, options));
      else result.absent.push({ candidate: peer.name, reason: missing });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      result.absent.push({ candidate: peer.name, reason: reason.split('\n')[0] ?? '' });
    }
  }
  options.progress('footprint: heddle in a mesh');
  result.measurements.push(await measureMesh(context, options));
  return result;
}

async function measurePeer(peer: Peer, context: Context, options: FootprintOptions): Promise<Footprint> {
  const startMs: number[] = [];
  const [process] = await peer.processes('gateway', context);
  if (process === undefined) throw new Error('no process');
  let child: ChildProcess | undefined;
  try {
    for (let i = 0; i < options.starts; i++) {
      if (child !== undefined) await stop(child);
      const began = performance.now();
      child = start(context.core, process.command, process.args);
      await firstAnswer(process.port, child);
      startMs.push(performance.now() - began);
    }
    const pid = child?.pid as number;
    return { candidate: peer.name, startMs, ...(await memory(() => processTree(pid), process.port, options)) };
  } finally {
    if (child !== undefined) await stop(child);
  }
}

/** A sidecar that gets certificate and configuration from a control plane. */
async function measureMesh(context: Context, options: FootprintOptions): Promise<Footprint> {
  const upstream = await context.upstreams.http();
  const mesh = await TestMesh.start({
    namespace: 'bench',
    prefix: ['taskset', '-c', String(context.core)],
    sidecarProgram: sidecarProgram(root),
  });
  try {
    await mesh.sidecar('app', { service: 'app', port: upstream });
    const startMs: number[] = [];
    let last: Awaited<ReturnType<typeof mesh.sidecar>> | undefined;
    for (let i = 0; i < options.starts; i++) {
      const token = await mesh.token('client');
      await last?.program.stop();
      const began = performance.now();
      last = await mesh.sidecar(`client-${i}`, { upstreams: ['app:80'], serviceAccount: 'client', token });
      await firstAnswer(mesh.upstream(last, 'app:80'), last.program.child);
      startMs.push(performance.now() - began);
    }
    if (last === undefined) throw new Error('nothing was started');
    const { pid } = last.program;
    const port = mesh.upstream(last, 'app:80');
    return { candidate: 'heddle in a mesh', startMs, ...(await memory(() => processTree(pid), port, options)) };
  } finally {
    await mesh.close();
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function memory(pids: () => number[], port: number, { connections }: FootprintOptions) {
  // What a start leaves behind is given back a little later.
  await pause(3_000);
  const idle = memoryOf(pids());
  // A first thousand fills what grows in steps.
  const sockets = await openConnections(port, 1_000);
  await pause(2_000);
  const before = memoryOf(pids());
  sockets.push(...(await openConnections(port, connections)));
  await pause(2_000);
  const after = memoryOf(pids());
  for (const socket of sockets) socket.destroy();
  return {
    idleRssMiB: idle.rssMiB,
    idlePssMiB: idle.pssMiB,
    bytesPerConnection: ((after.pssMiB - before.pssMiB) * 1_048_576) / connections,
  };
}

const request = 'GET / HTTP/1.1\r\nhost: app.bench\r\n\r\n';

/** Opens keep-alive connections, a few at a time, with one request on each. */
async function openConnections(port: number, count: number): Promise<net.Socket[]> {
  const sockets: net.Socket[] = [];
  const open = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const socket = net.connect(port, '127.0.0.1', () => socket.write(request));
      socket.on('error', reject);
      socket.once('data', () => {
        socket.off('error', reject).on('error', () => {});
        resolve();
      });
      sockets.push(socket);
    });
  for (let i = 0; i < count; i += 50) await Promise.all(Array.from({ length: Math.min(50, count - i) }, open));
  return sockets;
}

/** Asks again and again until there is a 200. */
async function firstAnswer(port: number, child: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 10_000; attempt++) {
    if (child.exitCode !== null) throw new Error(`ended with code ${child.exitCode}: not supported`);
    if (await answers(port)) return;
    await pause(2);
  }
  throw new Error('gave no answer');
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(request));
    socket.on('error', () => resolve(false));
    socket.once('data', (chunk) => {
      resolve(chunk.toString('latin1').startsWith('HTTP/1.1 200'));
      socket.destroy();
    });
    socket.on('close', () => resolve(false));
  });
