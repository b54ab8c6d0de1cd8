import fs from 'node:fs';

/** Watches the resident memory and the open descriptors of a process over a long time. */
export class MemoryTrend {
  readonly name: string;
  readonly #pid: number;
  readonly #samples: { seconds: number; bytes: number; descriptors: number }[] = [];
  readonly #begun = performance.now();
  readonly #timer: NodeJS.Timeout;

  constructor(name: string, pid: number, everyMs = 1_000) {
    this.name = name;
    this.#pid = pid;
    this.#timer = setInterval(() => this.#sample(), everyMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /**
   * Bytes a second by which the floor of the memory rises after the first third, when caches are warm. The floor is
   * the least of each of ten windows: what is between two collections is no growth.
   */
  get slope(): number {
    const late = this.#samples.slice(Math.floor(this.#samples.length / 3));
    const size = Math.max(1, Math.floor(late.length / 10));
    const floors: { x: number; y: number }[] = [];
    for (let i = 0; i + size <= late.length; i += size) {
      const window = late.slice(i, i + size);
      const least = window.reduce((a, b) => (b.bytes < a.bytes ? b : a));
      floors.push({ x: least.seconds, y: least.bytes });
    }
    return slopeOf(floors);
  }

  /** The most descriptors in the last third less the most in the middle third. */
  get descriptorGrowth(): number {
    const third = Math.floor(this.#samples.length / 3);
    const most = (from: number, to: number): number =>
      Math.max(0, ...this.#samples.slice(from, to).map(({ descriptors }) => descriptors));
    return most(2 * third, this.#samples.length) - most(third, 2 * third);
  }

  get lastBytes(): number {
    return this.#samples.at(-1)?.bytes ?? 0;
  }

  #sample(): void {
    try {
      const bytes = Number(fs.readFileSync(`/proc/${this.#pid}/statm`, 'utf8').split(' ')[1]) * 4096;
      const descriptors = fs.readdirSync(`/proc/${this.#pid}/fd`).length;
      this.#samples.push({ seconds: (performance.now() - this.#begun) / 1000, bytes, descriptors });
    } catch {
      // The process is gone, which the scenario finds out by itself.
    }
  }
}

/** Least squares. */
function slopeOf(points: readonly { x: number; y: number }[]): number {
  const n = points.length;
  if (n < 2) return 0;
  const meanX = points.reduce((sum, { x }) => sum + x, 0) / n;
  const meanY = points.reduce((sum, { y }) => sum + y, 0) / n;
  const above = points.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0);
  const below = points.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0);
  return below === 0 ? 0 : above / below;
}
