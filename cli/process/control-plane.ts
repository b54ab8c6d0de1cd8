import path from 'node:path';
import type { CliContext } from '../context.ts';
import type { Child } from './child.ts';
import { ownEnvironment } from './own-environment.ts';
import type { Supervisor } from './supervisor.ts';

export interface ControlPlaneOptions {
  readonly stateDir: string;
  readonly logFile: string;
  /** Further flags of control-plane/main.ts, passed on as they are. */
  readonly flags: readonly string[];
  /** Called for each line of its log. */
  readonly onLine?: ((line: string) => void) | undefined;
}

/** What `control-plane/main.ts` says when it is ready. */
export interface ControlPlaneReady {
  readonly ports: { readonly api: number; readonly xds: number; readonly webhook: number };
  readonly trustDomain: string;
  readonly trustBundle: string;
}

export function startControlPlane(context: CliContext, supervisor: Supervisor, options: ControlPlaneOptions): Child {
  return supervisor.start({
    name: 'control plane',
    command: context.node,
    args: [
      path.join(context.root, 'control-plane', 'main.ts'),
      '--state-dir',
      options.stateDir,
      '--exit-with-parent',
      ...options.flags,
    ],
    cwd: context.cwd,
    env: ownEnvironment(context),
    logFile: options.logFile,
    onLine: options.onLine,
    announcesReady: true,
  });
}
