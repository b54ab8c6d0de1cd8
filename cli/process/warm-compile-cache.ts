import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { CliContext } from '../context.ts';
import { compileCache, ownEnvironment } from './own-environment.ts';
import { sidecarProgram } from './sidecar-program.ts';
import type { Supervisor } from './supervisor.ts';

/**
 * Compiles the sidecar's sources into the shared cache when this Node has not done so before, and they are what will
 * run. Without it each proxy of a mesh that starts for the first time would compile all of them, at the same time. A
 * failure costs time alone.
 */
export async function warmCompileCache(context: CliContext, supervisor: Supervisor, logDir: string): Promise<void> {
  if (!sidecarProgram(context.root).endsWith('.ts')) return;
  const marker = path.join(compileCache(context), `sidecar-${process.version}`);
  if (fs.existsSync(marker)) return;
  const entry = pathToFileURL(path.join(context.root, 'sidecar', 'sidecar.ts')).href;
  const child = supervisor.start({
    name: 'compile cache',
    command: context.node,
    // Node writes the cache when it ends.
    args: ['--input-type=module', '-e', `await import(${JSON.stringify(entry)});`],
    cwd: context.root,
    env: ownEnvironment(context),
    logFile: path.join(logDir, 'compile-cache.log'),
    announcesReady: false,
  });
  const { code } = await child.exited;
  if (code !== 0) return;
  try {
    fs.writeFileSync(marker, '');
  } catch {
    // A folder we may not write to: then there is no cache either.
  }
}
