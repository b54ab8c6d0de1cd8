export interface BatchWriterOptions {
  /** Takes one batch of whole lines; `false` says that it was not taken, because the sink is stuck. */
  write: (text: string) => unknown;
  /** Length of text that is written at once, in characters. Default 65,536. */
  batchLength?: number;
  /** Text waits no longer than this, in milliseconds. Default 1,000. */
  intervalMs?: number;
}

/** Gathers lines and writes them in batches. A sink that is stuck loses lines, which are counted, and holds up nothing. */
export class BatchWriter {
  readonly #options: Required<BatchWriterOptions>;
  #text = '';
  #lines = 0;
  #dropped = 0;
  #written = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: BatchWriterOptions) {
    this.#options = { batchLength: 65_536, intervalMs: 1_000, ...options };
  }

  get dropped(): number {
    return this.#dropped;
  }

  get written(): number {
    return this.#written;
  }

  /** `line` ends with a newline. */
  add(line: string): void {
    this.#text += line;
    this.#lines++;
    if (this.#text.length >= this.#options.batchLength) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), this.#options.intervalMs).unref();
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#lines === 0) return;
    const [text, lines] = [this.#text, this.#lines];
    this.#text = '';
    this.#lines = 0;
    if (this.#write(text)) this.#written += lines;
    else this.#dropped += lines;
  }

  #write(text: string): boolean {
    try {
      return this.#options.write(text) !== false;
    } catch {
      return false;
    }
  }
}
