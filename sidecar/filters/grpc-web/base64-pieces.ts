/** Base64 of a body that comes in pieces. */
export class Base64Encoder {
  #rest: Buffer = Buffer.alloc(0);

  /** What can be written now; `end` writes all. */
  push(chunk: Buffer, end: boolean): Buffer {
    const all = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const whole = end ? all.length : all.length - (all.length % 3);
    this.#rest = all.subarray(whole);
    return Buffer.from(all.toString('base64', 0, whole), 'latin1');
  }
}

/** Bytes of a body in base64 that comes in pieces; it may be several texts, each with its padding, one after the other. */
export class Base64Decoder {
  #rest = '';

  /** `undefined` when it is no base64. */
  push(chunk: Buffer, end: boolean): Buffer | undefined {
    const text = this.#rest + chunk.toString('latin1');
    if (!/^[A-Za-z0-9+/=]*$/.test(text)) return undefined;
    const whole = text.length - (text.length % 4);
    this.#rest = text.slice(whole);
    if (end && this.#rest !== '') return undefined;
    const parts: Buffer[] = [];
    let read = 0;
    // Padding ends a text: four characters with it are the last of theirs.
    for (const part of text.slice(0, whole).match(/(?:[^=]{4})*(?:[^=]{2}==|[^=]{3}=)?/g) ?? []) {
      if (part !== '') parts.push(Buffer.from(part, 'base64'));
      read += part.length;
    }
    if (read < whole) return undefined;
    return parts.length === 1 ? parts[0] : Buffer.concat(parts);
  }
}
