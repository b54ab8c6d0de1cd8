import fs from 'node:fs';
import path from 'node:path';
import type { Log } from '../../lib/log.ts';
import type { Timer, TimerWheel } from '../../lib/timer-wheel.ts';
import type { Resource } from '../../proto/gen/envoy/service/discovery/v3/discovery.ts';
import type { FileReference, LocalData } from '../discovery/decode-context.ts';
import { type Discovery, namedTypes } from '../discovery/discovery.ts';
import { formatFileProblem } from './config-text.ts';
import { readResourceFile } from './read-resource-file.ts';

export interface ResourceFilesOptions {
  readonly discovery: Discovery;
  /** Files of clusters and listeners, followed from the start. */
  readonly roots: readonly FileReference[];
  readonly local: LocalData;
  readonly wheel: TimerWheel;
  readonly log: Log;
}

/** Events of one change come together; a file is read when they are over. Milliseconds. */
const debounceMs = 50;

/**
 * Follows the files that hold resources (`path_config_source`), those that the configuration refers to now. A file
 * that changed is read whole and given to discovery like an update of a server; one that is wrong changes nothing. A
 * move into place is noticed, and so is the swap of a symbolic link beside the file or in `watched_directory`.
 */
export class ResourceFiles {
  readonly #options: ResourceFilesOptions;
  readonly #files = new Map<string, FollowedFile>();
  #closed = false;

  constructor(options: ResourceFilesOptions) {
    this.#options = options;
  }

  /** Follows what is referred to now and leaves the rest. */
  sync(): void {
    if (this.#closed) return;
    const wanted = new Map(
      [...this.#options.roots, ...this.#options.discovery.wantedFiles()].map((one) => [`${one.type} ${one.path}`, one]),
    );
    for (const [key, file] of this.#files) {
      if (wanted.has(key)) continue;
      file.close();
      this.#files.delete(key);
    }
    for (const [key, reference] of wanted) {
      const known = this.#files.get(key);
      if (known !== undefined) known.offerMissing();
      else {
        const file = new FollowedFile(reference, this.#options);
        this.#files.set(key, file);
        file.load();
      }
    }
  }

  close(): void {
    this.#closed = true;
    for (const file of this.#files.values()) file.close();
    this.#files.clear();
  }
}

class FollowedFile {
  readonly #reference: FileReference;
  readonly #options: ResourceFilesOptions;
  readonly #watchers: fs.FSWatcher[] = [];
  readonly #timer: Timer;
  #resources = new Map<string, Resource>();
  /** Names given since the file was read: one that is refused is not given again. */
  readonly #given = new Set<string>();
  /** What was read last, to tell a change from an event that means nothing. */
  #contents: string | undefined;

  constructor(reference: FileReference, options: ResourceFilesOptions) {
    this.#reference = reference;
    this.#options = options;
    this.#timer = options.wheel.timer(() => this.load());
    const folders = new Set([path.dirname(reference.path), reference.watchedDirectory ?? path.dirname(reference.path)]);
    for (const folder of folders) this.#watch(folder);
  }

  /** Reads the file, and hands on what is in it when that is new. */
  load(): void {
    const { local, log, discovery } = this.#options;
    const { type, path: file } = this.#reference;
    // One read for both, so that what is compared is what is used.
    let contents: Buffer = Buffer.alloc(0);
    const once: LocalData = {
      ...local,
      readFile: (name) => {
        contents = local.readFile(name);
        return contents;
      },
    };
    const read = readResourceFile(this.#reference, once);
    const text = contents.toString('latin1');
    if (text === this.#contents) return;
    this.#contents = text;
    if (!read.ok) {
      for (const problem of read.problems) {
        log.error('resource file is not used', { problem: formatFileProblem(problem) });
      }
      return;
    }
    const resources = new Map(read.resources.map((resource) => [resource.name, resource]));
    const removed = [...this.#resources.keys()].filter((name) => !resources.has(name));
    this.#resources = resources;
    log.info('resource file was read', { file, resources: resources.size });
    this.#given.clear();
    void discovery.accept({ type, resources: read.resources, removed });
  }

  /** Gives what was passed over before, because nothing referred to it. */
  offerMissing(): void {
    const { type } = this.#reference;
    if (!(namedTypes as readonly string[]).includes(type)) return;
    const { discovery } = this.#options;
    const held = discovery.held.of(type);
    const missing = [...discovery.wantedNames(type)].flatMap((name) => {
      const resource = held.has(name) || this.#given.has(name) ? undefined : this.#resources.get(name);
      return resource === undefined ? [] : [resource];
    });
    for (const { name } of missing) this.#given.add(name);
    if (missing.length > 0) void discovery.accept({ type, resources: missing, removed: [] });
  }

  close(): void {
    this.#timer.stop();
    for (const watcher of this.#watchers) watcher.close();
  }

  #watch(folder: string): void {
    try {
      const watcher = fs.watch(folder, { persistent: false }, () => this.#timer.start(debounceMs));
      watcher.on('error', (error) =>
        this.#options.log.error('folder is not watched', { folder, error: String(error) }),
      );
      this.#watchers.push(watcher);
    } catch (error) {
      this.#options.log.error('folder is not watched', { folder, error: String(error) });
    }
  }
}
