import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { envoyProgram, peerCache } from '../../test/harness/peers.ts';

const nodePackages = ['http-proxy@1.18.1', 'fast-proxy@2.2.0'];

/** Folder of a Node peer, for `createRequire`. */
export const nodePeers = path.join(peerCache, 'node');

/** Installs the peers that are missing; what cannot be had is said and then absent from the results. */
export function installPeers(progress: (text: string) => void): void {
  const run = (command: string, args: readonly string[]): boolean => {
    const { status, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: 300_000 });
    if (status !== 0) progress(`${command} ${args[0]}: ${String(stderr).trim().split('\n').at(-1)}`);
    return status === 0;
  };
  fs.mkdirSync(nodePeers, { recursive: true });
  const envoy = envoyProgram();
  if (envoy.absent !== undefined) progress(envoy.absent);
  if (!fs.existsSync(path.join(nodePeers, 'node_modules', 'fast-proxy'))) {
    progress(`installing ${nodePackages.join(' and ')} from npm into ${peerCache}`);
    fs.writeFileSync(path.join(nodePeers, 'package.json'), '{"private":true}\n');
    run('npm', ['install', '--prefix', nodePeers, '--no-audit', '--no-fund', '--ignore-scripts', ...nodePackages]);
  }
}
