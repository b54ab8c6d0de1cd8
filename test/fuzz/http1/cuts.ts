/** Ways to cut a message into the chunks in which it arrives. A codec must not care. */
export function* cuts(bytes: Buffer, random: () => number): Generator<Buffer[]> {
  yield [Buffer.from(bytes)];
  yield [...bytes].map((byte) => Buffer.from([byte]));
  if (bytes.length <= 700) {
    for (let at = 1; at < bytes.length; at++) yield pieces(bytes, [at]);
  }
  for (let round = 0; round < 8; round++) {
    const positions = Array.from({ length: 1 + Math.floor(random() * 6) }, () => Math.floor(random() * bytes.length));
    yield pieces(bytes, positions);
  }
}

function pieces(bytes: Buffer, positions: readonly number[]): Buffer[] {
  const sorted = [0, ...positions.toSorted((a, b) => a - b), bytes.length];
  const parts: Buffer[] = [];
  for (let i = 1; i < sorted.length; i++) {
    const part = bytes.subarray(sorted[i - 1], sorted[i]);
    // A copy: a chunk belongs to the codec, and two attempts must not share one.
    if (part.length > 0) parts.push(Buffer.from(part));
  }
  return parts;
}

/** A small deterministic generator (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
