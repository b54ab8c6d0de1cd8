import fs from 'node:fs';
import path from 'node:path';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { startApiServer } from './api/api-server.ts';
import { startInjection } from './injection.ts';
import { startServing } from './push/serving.ts';
import { Registry } from './registry/registry.ts';
import { Folder } from './sources/folder.ts';
import { releaseUnwatched } from './sources/ownership.ts';
import { StoredRegistrations } from './sources/registrations.ts';
import { openState } from './store/open-state.ts';
import { openTelemetry } from './telemetry/telemetry.ts';

export interface ControlPlaneOptions {
  readonly stateDir: string;
  /** Watched folders of YAML. */
  readonly configDirs: readonly string[];
  readonly trustDomain: string;
  readonly apiAddress: string;
  /** 0 picks a free one. */
  readonly apiPort: number;
  readonly xdsAddress: string;
  /** 0 picks a free one. */
  readonly xdsPort: number;
  /** Injection webhook, on the API's address; 0 picks a free one, -1 is off. */
  readonly webhookPort: number;
  readonly traceRetentionHours: number;
  /** The built console. Default `ui/dist` of this package. */
  readonly uiDirectory?: string;
  readonly clock: Clock;
  readonly log: Log;
}

export interface ControlPlane {
  /** Ports in use; 0 where a listener is off. */
  readonly ports: { readonly api: number; readonly xds: number; readonly webhook: number };
  /** File with the trust domain's roots, PEM. */
  readonly trustBundle: string;
  close(): Promise<void>;
}

const root = path.resolve(import.meta.dirname, '..');

/**
 * Composes the control plane: store, sources, registry, xDS, telemetry, API. Rejects when the state cannot be opened
 * or a port cannot be bound, and leaves nothing running then.
 */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { clock, log, stateDir, trustDomain } = options;
  const closers: (() => void | Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const { store, tokens } = openState(stateDir, clock);
    closers.push(() => store.close());
    const registrations = new StoredRegistrations(store, clock, log);
    closers.push(() => registrations.close());
    const folders = openFolders(options, store, log);
    closers.push(() => {
      for (const folder of folders) folder.close();
    });
    const registry = new Registry({ store, health: registrations, trustDomain, clock });
    closers.push(() => registry.close());
    const telemetry = openTelemetry({ stateDir, retentionHours: options.traceRetentionHours, clock, log });
    closers.push(() => telemetry.close());
    const serving = await startServing({
      snapshots: registry.snapshots,
      tokens,
      registrations,
      stateDir,
      trustDomain,
      address: options.xdsAddress,
      port: options.xdsPort,
      clock,
      log,
    });
    closers.push(() => serving.close());
    const trustBundle = path.join(stateDir, 'trust-bundle.pem');
    writeAtomically(trustBundle, serving.trustBundlePem);
    let webhook = 0;
    if (options.webhookPort >= 0) {
      const injection = await startInjection({ ...options, address: options.apiAddress, port: options.webhookPort });
      closers.push(() => injection.close());
      webhook = injection.port;
    }
    const api = await startApiServer({
      parts: {
        store,
        tokens,
        registry,
        proxies: serving,
        telemetry,
        configProblems: () => folders.flatMap((folder) => folder.problems),
        ports: () => ({ xds: serving.port, webhook }),
        xdsHost: options.xdsAddress,
        version: readVersion(),
        startedAt: new Date(clock.wallTime()).toISOString(),
        clock,
      },
      address: options.apiAddress,
      port: options.apiPort,
      uiDirectory: options.uiDirectory ?? path.join(root, 'ui/dist'),
      log,
    });
    closers.push(() => api.close());
    return { ports: { api: api.port, xds: serving.port, webhook }, trustBundle, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function openFolders(
  options: ControlPlaneOptions,
  store: ReturnType<typeof openState>['store'],
  log: Log,
): readonly Folder[] {
  const released = releaseUnwatched(store, options.configDirs);
  if (released > 0) log.warn('objects of folders that are no longer watched now belong to the API', { released });
  return options.configDirs.map((directory) => new Folder({ directory, store, log }));
}

/** Readers see the old file or the new one, never half of it. */
function writeAtomically(file: string, text: string): void {
  const temporary = `${file}.${process.pid}.tmp`;
  fs.writeFileSync(temporary, text, { mode: 0o644 });
  fs.renameSync(temporary, file);
}

function readVersion(): string {
  const description: unknown = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
  return (description as { version: string }).version;
}
