/*
 * The code of RFC 7541 Appendix B. It is canonical: codes of one length follow one another in the order of their
 * symbols, and longer codes follow shorter ones. So the lengths say everything; here as runs, `length` or
 * `length*count`, from symbol 0 on. The last is EOS.
 */
const runs =
  '13 23 28*7 24 30 28*2 30 28*8 30 28*9 6 10*2 12 13 6 8 11 10*2 8 11 8 6*3 5*3 6*7 7 8 15 6 12 10 13 6 7*22 8 7 8 ' +
  '13 19 13 14 6 15 5 6 5 6 5 6*3 5 7*2 6*3 5 6 7 6 5*2 6 7*5 15 11 14 13 28 20 22 20*2 22*3 23 22 23*5 24 23 24*2 22 ' +
  '23 24 23*4 21 22 23 22 23*2 24 22 21 20 22*2 23*2 21 23 22*2 24 21 22 23*2 21*2 22 21 23 22 23*2 20 22*3 23 22*2 ' +
  '23 26*2 20 19 22 23 22 25 26*3 27*2 26 24 25 19 21 26 27*2 26 27 24 21*2 26*2 28 27*3 20 24 20 21 22 21*2 23 22*2 ' +
  '25*2 24*2 26 23 26 27 26*2 27*5 28 27*5 26 30';

const EOS = 256;
const FAST_BITS = 8;

/** Code length by symbol, EOS among them. */
export const codeLengths: Uint8Array = Uint8Array.from(
  runs.split(' ').flatMap((run) => {
    const [length, count] = run.split('*');
    return new Array<number>(Number(count ?? 1)).fill(Number(length));
  }),
);

/** Symbols in the order of their codes. */
const ordered = [...codeLengths.keys()].toSorted(
  (a, b) => (codeLengths[a] as number) - (codeLengths[b] as number) || a - b,
);
/** For each length: the first code of it, how many there are, and where they begin in `ordered`. */
const firstCode = new Uint32Array(31);
const codeCount = new Uint32Array(31);
const firstIndex = new Uint32Array(31);
/** For what the next eight bits are: symbol << 4 | length of its code; 0 when the code is longer. */
const fast = new Uint16Array(1 << FAST_BITS);

let code = 0;
for (let length = 1, index = 0; length <= 30; length++) {
  code *= 2;
  firstCode[length] = code;
  firstIndex[length] = index;
  while (index < ordered.length && codeLengths[ordered[index] as number] === length) {
    if (length <= FAST_BITS) {
      fast.fill(
        ((ordered[index] as number) << 4) | length,
        code << (FAST_BITS - length),
        (code + 1) << (FAST_BITS - length),
      );
    }
    code++;
    index++;
    codeCount[length] = index - (firstIndex[length] as number);
  }
}

/** Where {@link decodeHuffman} leaves its result: read it before the next call. It grows to what was needed most. */
export const huffmanOutput: { bytes: Buffer } = { bytes: Buffer.allocUnsafeSlow(4_096) };

/**
 * Decodes `bytes` from `from` to `to` into {@link huffmanOutput}. Returns the length, or -1 for what no encoder
 * writes: EOS, padding longer than seven bits or of zeros.
 */
export function decodeHuffman(bytes: Buffer, from: number, to: number): number {
  const most = Math.ceil(((to - from) * 8) / 5);
  if (huffmanOutput.bytes.length < most) huffmanOutput.bytes = Buffer.allocUnsafeSlow(most);
  const output = huffmanOutput.bytes;
  const bits = to * 8;
  let length = 0;
  let at = from * 8;
  while (at < bits) {
    const byte = at >> 3;
    const high = bytes[byte] as number;
    const low = byte + 1 < to ? (bytes[byte + 1] as number) : 0xff;
    const found = fast[(((high << 8) | low) >> (8 - (at & 7))) & 0xff] as number;
    if (found !== 0) {
      at += found & 15;
      if (at > bits) return isPadding(bytes, at - (found & 15), bits) ? length : -1;
      output[length++] = found >> 4;
      continue;
    }
    const symbol = longSymbol(bytes, at, bits);
    if (symbol < 0) return symbol === -2 && isPadding(bytes, at, bits) ? length : -1;
    at += codeLengths[symbol] as number;
    output[length++] = symbol;
  }
  return length;
}

/** The symbol whose code of more than eight bits starts at bit `from`; -1 for EOS, -2 when the bits end before the code. */
function longSymbol(bytes: Buffer, from: number, to: number): number {
  let value = 0;
  for (let length = 1; length <= 30; length++) {
    const at = from + length - 1;
    if (at >= to) return -2;
    value = value * 2 + (((bytes[at >> 3] as number) >> (7 - (at & 7))) & 1);
    if (length <= FAST_BITS) continue;
    const offset = value - (firstCode[length] as number);
    if (offset < (codeCount[length] as number)) {
      const symbol = ordered[(firstIndex[length] as number) + offset] as number;
      return symbol === EOS ? -1 : symbol;
    }
  }
  return -1;
}

/** RFC 7541 §5.2: fewer than eight bits, all of them ones. */
function isPadding(bytes: Buffer, from: number, to: number): boolean {
  if (to - from > 7) return false;
  for (let at = from; at < to; at++) if ((((bytes[at >> 3] as number) >> (7 - (at & 7))) & 1) === 0) return false;
  return true;
}
