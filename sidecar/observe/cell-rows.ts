/** Rows of numbers in one typed array that grows as rows are added. */
export class CellRows {
  readonly #width: number;
  #cells: Float64Array;
  #rows = 0;

  constructor(width: number) {
    this.#width = width;
    this.#cells = new Float64Array(width * 16);
  }

  /** Do not keep: adding a row may replace it. */
  get cells(): Float64Array {
    return this.#cells;
  }

  /** Adds a row of zeros and gives the offset of its first cell. */
  add(): number {
    const offset = this.#rows++ * this.#width;
    if (offset + this.#width > this.#cells.length) {
      const grown = new Float64Array(this.#cells.length * 2);
      grown.set(this.#cells);
      this.#cells = grown;
    }
    return offset;
  }
}
