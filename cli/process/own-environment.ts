import path from 'node:path';
import type { CliContext } from '../context.ts';

/** Environment of our own processes: they share one compile cache, so that the second start is quick. */
export function ownEnvironment(context: CliContext): Record<string, string | undefined> {
  return {
    ...context.env,
    NODE_COMPILE_CACHE: compileCache(context),
  };
}

/** The folder that bin/heddle.mjs uses too. */
export function compileCache(context: CliContext): string {
  return context.env.NODE_COMPILE_CACHE ?? path.join(context.root, 'node_modules', '.cache', 'heddle');
}
