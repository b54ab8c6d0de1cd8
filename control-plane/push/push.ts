import { setImmediate } from 'node:timers';
import type { Clock } from '../../lib/clock.ts';
import type { Watch } from '../../lib/watch.ts';
import type { MeshSnapshot } from '../registry/mesh-snapshot.ts';
import { Memo } from '../translate/memo.ts';
import type { ProxyNode } from '../translate/proxy-node.ts';
import { translate } from '../translate/translate.ts';
import type { SnapshotCache } from '../xds/snapshot-cache.ts';

export interface PushOptions {
  readonly snapshots: Watch<MeshSnapshot>;
  readonly cache: SnapshotCache;
  /** Roots of the trust domain, PEM. */
  readonly rootsPem: string;
  readonly clock: Clock;
  /** Whether a node may still have its configuration; asked with each snapshot. */
  readonly mayHave: (key: string, node: ProxyNode, snapshot: MeshSnapshot) => boolean;
  /** A push starts when nothing changed for so long, in milliseconds (security.md L-94). Default 50. */
  readonly debounceMs?: number;
  /** But no later than this after the first change. Default 1,000. */
  readonly maxDelayMs?: number;
}

/** Translation stops for other work after so many milliseconds at a stretch. */
const sliceMs = 10;

/** Brings snapshots to connected nodes: waits for a pause in the changes, translates for each node, fills the cache. */
export class Push {
  readonly #options: PushOptions;
  readonly #debounceMs: number;
  readonly #maxDelayMs: number;
  readonly #memo = new Memo();
  readonly #nodes = new Map<string, ProxyNode>();
  /** Nodes that do not have the newest snapshot yet. */
  readonly #dirty = new Set<string>();
  readonly #unsubscribe: () => void;
  #timer: NodeJS.Timeout | undefined;
  #slice: NodeJS.Immediate | undefined;
  #firstChange: number | undefined;

  constructor(options: PushOptions) {
    this.#options = options;
    this.#debounceMs = options.debounceMs ?? 50;
    this.#maxDelayMs = options.maxDelayMs ?? 1_000;
    this.#unsubscribe = options.snapshots.subscribe(() => this.#onChange());
  }

  /** Adds a node and puts its resources into the cache at once. */
  add(key: string, node: ProxyNode): void {
    this.#nodes.set(key, node);
    this.#translate(key);
  }

  remove(key: string): void {
    this.#nodes.delete(key);
    this.#dirty.delete(key);
    this.#options.cache.delete(key);
  }

  /** Pushes what waits for its pause now, so that a question about state is answered for the newest snapshot. */
  flush(): void {
    if (this.#firstChange !== undefined) this.#start();
    this.#work(Number.POSITIVE_INFINITY);
  }

  close(): void {
    this.#unsubscribe();
    clearTimeout(this.#timer);
    clearImmediate(this.#slice);
    this.#nodes.clear();
    this.#dirty.clear();
  }

  #onChange(): void {
    const now = this.#options.clock.now();
    this.#firstChange ??= now;
    const delayMs = Math.max(0, Math.min(this.#debounceMs, this.#firstChange + this.#maxDelayMs - now));
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#start();
      this.#work(sliceMs);
    }, delayMs).unref();
  }

  #start(): void {
    clearTimeout(this.#timer);
    this.#firstChange = undefined;
    for (const key of this.#nodes.keys()) this.#dirty.add(key);
  }

  #work(budgetMs: number): void {
    clearImmediate(this.#slice);
    this.#slice = undefined;
    if (this.#dirty.size === 0) return;
    const until = this.#options.clock.now() + budgetMs;
    for (const key of this.#dirty) {
      this.#translate(key);
      if (this.#dirty.size > 0 && this.#options.clock.now() >= until) {
        this.#slice = setImmediate(() => this.#work(budgetMs));
        return;
      }
    }
    this.#memo.sweep();
  }

  #translate(key: string): void {
    this.#dirty.delete(key);
    const node = this.#nodes.get(key);
    const { snapshots, cache, rootsPem, mayHave } = this.#options;
    const snapshot = snapshots.value;
    if (node === undefined || !mayHave(key, node, snapshot)) return;
    cache.set(key, translate(snapshot, node, { rootsPem, memo: this.#memo }));
  }
}
