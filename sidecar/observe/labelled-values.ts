import type { MetricFamily } from './metric-family.ts';

interface Entry {
  labels: Record<string, string>;
  value: number;
}

/**
 * A counter or gauge with labels for what happens per connection or more rarely: the key is built for each change.
 * Beyond `maxSeries` label sets, all others share one in which every label says `overflow`.
 */
export class LabelledValues implements MetricFamily {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly #maxSeries: number;
  readonly #entries = new Map<string, Entry>();

  constructor(name: string, type: 'counter' | 'gauge', help: string, maxSeries: number) {
    this.name = name;
    this.type = type;
    this.help = help;
    this.#maxSeries = maxSeries;
  }

  add(labels: Record<string, string>, by: number): void {
    const key = Object.values(labels).join('\0');
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      if (this.#entries.size >= this.#maxSeries && !Object.values(labels).every((value) => value === 'overflow')) {
        this.add(Object.fromEntries(Object.keys(labels).map((name) => [name, 'overflow'])), by);
        return;
      }
      entry = { labels, value: 0 };
      this.#entries.set(key, entry);
    }
    entry.value += by;
  }

  collect() {
    return [...this.#entries.values()].map(({ labels, value }) => ({ labels: {}, sharedLabels: labels, value }));
  }
}
