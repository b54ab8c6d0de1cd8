import fs from 'node:fs';
import path from 'node:path';
import type { TokenResponse } from '../../proto/api/v1.ts';
import type { CliContext } from '../context.ts';
import type { Child } from './child.ts';
import { makeFolder } from './make-folder.ts';
import { ownEnvironment } from './own-environment.ts';
import { sidecarProgram } from './sidecar-program.ts';
import type { Supervisor } from './supervisor.ts';

/** One proxy to start; the flags of sidecar/main.ts, see there. */
export interface ProxyOptions {
  readonly mode: 'sidecar' | 'gateway';
  readonly name: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  /** Holds its last-good config, join token, trust bundle. */
  readonly stateDir: string;
  readonly logFile: string;
  /** URL of the control plane's API, which also takes traces. */
  readonly server: string;
  /** -1 for none, 0 for a free one. */
  readonly adminPort: number;
  /** -1 for none, 0 for a free one. */
  readonly outboundPort: number;
  readonly drainSeconds: number;
  /** Further flags, passed on as they are. */
  readonly flags: readonly string[];
  /** Called for each line of its log. */
  readonly onLine?: ((line: string) => void) | undefined;
}

/** What `sidecar/main.ts` says when its listeners are warm. */
export interface ProxyReady {
  readonly ports: {
    readonly admin: number;
    readonly outbound: number;
    readonly inbound: Readonly<Record<string, number>>;
    readonly upstreams: Readonly<Record<string, number>>;
    readonly listeners: Readonly<Record<string, number>>;
  };
  readonly spiffeId: string;
}

/**
 * `--inbound-port` for each application port, in the order of the `--port` flags: those of an earlier run, so that
 * others find a restarted proxy where it was. Nothing for a first run.
 */
export function inboundPortFlags(appPorts: readonly number[], earlier: ProxyReady | undefined): string[] {
  return earlier === undefined ? [] : appPorts.map((port) => `--inbound-port=${earlier.ports.inbound[port] ?? 0}`);
}

/** Starts a proxy with a join token; the secret travels in a file, because everyone can read a command line. */
export function startProxy(
  context: CliContext,
  supervisor: Supervisor,
  options: ProxyOptions,
  token: TokenResponse,
): Child {
  makeFolder(options.stateDir, 0o700);
  const tokenFile = path.join(options.stateDir, 'join-token');
  const bundleFile = path.join(options.stateDir, 'trust-bundle.pem');
  fs.writeFileSync(tokenFile, token.token, { mode: 0o600 });
  fs.writeFileSync(bundleFile, token.trustBundle);
  return supervisor.start({
    name: `${options.mode} ${options.name}`,
    command: context.node,
    args: [
      sidecarProgram(context.root),
      ...flag('mode', options.mode),
      ...flag('name', options.name),
      ...flag('namespace', options.namespace),
      ...flag('service-account', options.serviceAccount),
      ...flag('control-plane', token.xdsAddress),
      ...flag('trust-bundle', bundleFile),
      ...flag('join-token-file', tokenFile),
      ...flag('state-dir', options.stateDir),
      ...flag('otlp', options.server),
      ...flag('admin-port', options.adminPort),
      ...flag('outbound-port', options.outboundPort),
      ...flag('drain-seconds', options.drainSeconds),
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

/** `--name=value`: a value that begins with `-` stays a value. */
function flag(name: string, value: string | number): string[] {
  return [`--${name}=${value}`];
}
