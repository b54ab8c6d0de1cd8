/**
 * An ordered list of header fields. Names are kept twice: in lower case, by which everything here compares,
 * and as they came, by which HTTP/1 sends them on. Repeated fields stay apart; nothing is ever merged or dropped.
 */
export class Headers {
  /** Lower-case names, in wire order. Parallel to `rawNames` and `values`; change them through the methods only. */
  readonly names: string[] = [];
  /** Names with the case in which they arrived or were set. */
  readonly rawNames: string[] = [];
  readonly values: string[] = [];
  /**
   * Lower-case names of fields that an HTTP/2 peer asked never to be kept in a compression table (RFC 7541 §6.2.3).
   * Whoever sends them on over HTTP/2 must ask the same.
   */
  neverIndexed: string[] | undefined;

  static of(fields: Readonly<Record<string, string>>): Headers {
    const headers = new Headers();
    for (const name of Object.keys(fields)) headers.append(name, fields[name] as string);
    return headers;
  }

  get size(): number {
    return this.names.length;
  }

  /** The first value of `name` (lower case), if any. */
  get(name: string): string | undefined {
    const index = this.names.indexOf(name);
    return index < 0 ? undefined : this.values[index];
  }

  /** All values of `name` (lower case), in order. */
  getAll(name: string): string[] {
    const found: string[] = [];
    for (let i = 0; i < this.names.length; i++) if (this.names[i] === name) found.push(this.values[i] as string);
    return found;
  }

  has(name: string): boolean {
    return this.names.includes(name);
  }

  /** Adds a field at the end. */
  append(rawName: string, value: string): void {
    this.names.push(rawName.toLowerCase());
    this.rawNames.push(rawName);
    this.values.push(value);
  }

  /** As {@link append}, for a caller that has the lower-case name already. */
  appendRaw(name: string, rawName: string, value: string): void {
    this.names.push(name);
    this.rawNames.push(rawName);
    this.values.push(value);
  }

  /** Replaces all fields of this name by one, at the place of the first, or adds it at the end. */
  set(rawName: string, value: string): void {
    const name = rawName.toLowerCase();
    const first = this.names.indexOf(name);
    if (first < 0) {
      this.appendRaw(name, rawName, value);
      return;
    }
    this.rawNames[first] = rawName;
    this.values[first] = value;
    for (let i = this.names.length - 1; i > first; i--) if (this.names[i] === name) this.#removeAt(i);
  }

  /** Removes all fields of `name` (lower case). */
  remove(name: string): void {
    for (let i = this.names.length - 1; i >= 0; i--) if (this.names[i] === name) this.#removeAt(i);
  }

  clone(): Headers {
    const copy = new Headers();
    copy.neverIndexed = this.neverIndexed;
    for (let i = 0; i < this.names.length; i++) {
      copy.appendRaw(this.names[i] as string, this.rawNames[i] as string, this.values[i] as string);
    }
    return copy;
  }

  #removeAt(index: number): void {
    this.names.splice(index, 1);
    this.rawNames.splice(index, 1);
    this.values.splice(index, 1);
  }
}
