import fs from 'node:fs';
import path from 'node:path';
import type { Log } from '../../lib/log.ts';
import type { Problem } from '../../proto/api/v1.ts';
import type { Store } from '../store/store.ts';
import { type FolderFile, readFolder } from './folder-files.ts';
import { reconcileFolder } from './reconcile-folder.ts';

const debounceMs = 100;
/** A storm of events cannot put a scan off for longer. */
const maxDelayMs = 1_000;
/** Events get lost (network file systems, a folder that is replaced); what they missed is found by looking. */
const rescanMs = 5_000;

export interface FolderOptions {
  readonly directory: string;
  readonly store: Store;
  /** For objects that name none. Default `default`. */
  readonly namespace?: string;
  readonly log: Log;
}

/** A watched folder of YAML: its files are the truth about the objects they define. */
export class Folder {
  readonly #directory: string;
  readonly #options: FolderOptions;
  readonly #rescan: NodeJS.Timeout;
  #files: ReadonlyMap<string, FolderFile> = new Map();
  #problems: readonly Problem[] = [];
  #watcher: fs.FSWatcher | undefined;
  #watchedInode = 0;
  #debounce: NodeJS.Timeout | undefined;
  /** When the first event came that no scan has followed yet. */
  #dirtySince: number | undefined;
  #stale = true;
  #closed = false;

  /** Scans at once; later changes follow within about 100 ms. */
  constructor(options: FolderOptions) {
    this.#options = options;
    this.#directory = path.resolve(options.directory);
    this.scan();
    this.#rescan = setInterval(() => this.scan(), rescanMs).unref();
  }

  /** What is wrong with the files now; their last good objects are in force. */
  get problems(): readonly Problem[] {
    return this.#problems;
  }

  /** Reads what changed and brings the store up to date. Never throws: what goes wrong is a problem. */
  scan(): void {
    clearTimeout(this.#debounce);
    this.#dirtySince = undefined;
    if (this.#closed) return;
    try {
      this.#watch();
      const files = readFolder(this.#directory, this.#files);
      const unchanged =
        files.length === this.#files.size &&
        files.every((file) => this.#files.get(file.path)?.signature === file.signature);
      if (unchanged && !this.#stale) return;
      const { store, namespace = 'default' } = this.#options;
      const problems = reconcileFolder(store, this.#directory, files, namespace);
      this.#files = new Map(files.map((file) => [file.path, file]));
      this.#report(problems);
      // A conflict with an owner outside ends without any change of the files.
      this.#stale = problems.length > 0;
    } catch (error) {
      // Neither a folder that cannot be read nor a full disk takes objects away.
      this.#stale = true;
      const message = error instanceof Error ? error.message : String(error);
      this.#report([{ file: this.#directory, line: 0, column: 0, object: '', field: '', message }]);
    }
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#rescan);
    clearTimeout(this.#debounce);
    this.#watcher?.close();
  }

  /** Watches the folder, anew when another one stands under its name. */
  #watch(): void {
    const { ino } = fs.statSync(this.#directory);
    if (this.#watcher !== undefined && ino === this.#watchedInode) return;
    this.#watcher?.close();
    this.#watchedInode = ino;
    this.#watcher = fs.watch(this.#directory, { persistent: false }, () => this.#onEvent());
    this.#watcher.on('error', (error) => {
      this.#options.log.warn('watching a folder failed; it is read every 5 s', {
        directory: this.#directory,
        error: error.message,
      });
    });
  }

  #onEvent(): void {
    if (this.#closed) return;
    const now = performance.now();
    this.#dirtySince ??= now;
    clearTimeout(this.#debounce);
    const delay = Math.max(0, Math.min(debounceMs, this.#dirtySince + maxDelayMs - now));
    this.#debounce = setTimeout(() => this.scan(), delay);
  }

  #report(problems: readonly Problem[]): void {
    const before = new Set(this.#problems.map((problem) => JSON.stringify(problem)));
    for (const problem of problems) {
      if (before.has(JSON.stringify(problem))) continue;
      const { file, line, column, object, field, message, hint } = problem;
      this.#options.log.warn('configuration file not taken over', { file, line, column, object, field, message, hint });
    }
    if (problems.length === 0 && this.#problems.length > 0) {
      this.#options.log.info('all configuration files are in force again', { directory: this.#directory });
    }
    this.#problems = problems;
  }
}
