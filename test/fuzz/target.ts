/** Something that reads bytes of others. */
export interface FuzzTarget {
  readonly name: string;
  /** An input: made up, or a good one with damage. */
  make(random: () => number): Buffer;
  /** Throws where a rule is broken that holds of any bytes. */
  check(input: Buffer, random: () => number): void;
}

export const pick = <T>(list: readonly T[], random: () => number): T => list[Math.floor(random() * list.length)] as T;

/** A few edits: bytes changed, left out, doubled, and pieces of another input or of `tokens` put in. */
export function damage(input: Buffer, random: () => number, tokens: readonly Buffer[] = []): Buffer {
  let bytes = Buffer.from(input);
  for (let edits = Math.floor(random() * 6); edits > 0; edits--) {
    const at = Math.floor(random() * (bytes.length + 1));
    const before = bytes.subarray(0, at);
    const length = Math.floor(random() * 12);
    const roll = random();
    if (roll < 0.35 && at < bytes.length) bytes[at] = Math.floor(random() * 256);
    else if (roll < 0.55) bytes = Buffer.concat([before, bytes.subarray(at + length)]);
    else if (roll < 0.75) bytes = Buffer.concat([before, bytes.subarray(at, at + length * 4), bytes.subarray(at)]);
    else if (roll < 0.9 && tokens.length > 0) bytes = Buffer.concat([before, pick(tokens, random), bytes.subarray(at)]);
    else if (roll < 0.93) bytes = before;
    else bytes = Buffer.concat([before, Buffer.from([Math.floor(random() * 256)]), bytes.subarray(at)]);
  }
  return bytes;
}
