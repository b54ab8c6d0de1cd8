import type { Hash64 } from './hash64.ts';

// The primes of xxHash64 (github.com/Cyan4973/xxHash, doc/xxhash_spec.md), in halves.
const p1h = 0x9e37_79b1;
const p1l = 0x85eb_ca87;
const p2h = 0xc2b2_ae3d;
const p2l = 0x27d4_eb4f;
const p3h = 0x1656_67b1;
const p3l = 0x9e37_79f9;
const p4h = 0x85eb_ca77;
const p4l = 0xc2b2_ae63;
const p5h = 0x27d4_eb2f;
const p5l = 0x1656_67c5;

// The accumulator: functions work on it in place, since JavaScript cannot return two numbers for nothing.
let high = 0;
let low = 0;

/** xxHash64 of the bytes of a latin1 string; the halves of the seed are unsigned. */
export function xxHash64(text: string, seedLow = 0, seedHigh = 0): Hash64 {
  const { length } = text;
  let at = 0;
  if (length >= 32) {
    at = consumeStripes(text, seedLow, seedHigh);
  } else {
    high = p5h;
    low = p5l;
    add(seedHigh, seedLow);
  }
  add(0, length);
  for (; at + 8 <= length; at += 8) {
    const [wordHigh, wordLow] = [high, low];
    round(0, 0, word(text, at + 4), word(text, at));
    xor(wordHigh, wordLow);
    rotate(27);
    multiply(p1h, p1l);
    add(p4h, p4l);
  }
  if (at + 4 <= length) {
    const [beforeHigh, beforeLow] = [high, low];
    high = 0;
    low = word(text, at);
    multiply(p1h, p1l);
    xor(beforeHigh, beforeLow);
    rotate(23);
    multiply(p2h, p2l);
    add(p3h, p3l);
    at += 4;
  }
  for (; at < length; at++) {
    const [beforeHigh, beforeLow] = [high, low];
    high = 0;
    low = text.charCodeAt(at) & 0xff;
    multiply(p5h, p5l);
    xor(beforeHigh, beforeLow);
    rotate(11);
    multiply(p1h, p1l);
  }
  // Avalanche: v ^= v >> 33; v *= p2; v ^= v >> 29; v *= p3; v ^= v >> 32.
  low = (low ^ (high >>> 1)) >>> 0;
  multiply(p2h, p2l);
  low = (low ^ ((low >>> 29) | (high << 3))) >>> 0;
  high = (high ^ (high >>> 29)) >>> 0;
  multiply(p3h, p3l);
  return { high, low: (low ^ high) >>> 0 };
}

/** Four lanes of 8 bytes; leaves their merger in the accumulator and answers where the rest begins. */
function consumeStripes(text: string, seedLow: number, seedHigh: number): number {
  const lanes = startLanes(seedLow, seedHigh);
  let at = 0;
  for (; at + 32 <= text.length; at += 32) {
    for (let lane = 0; lane < 4; lane++) {
      const byte = at + lane * 8;
      round(lanes[lane * 2] as number, lanes[lane * 2 + 1] as number, word(text, byte + 4), word(text, byte));
      lanes[lane * 2] = high;
      lanes[lane * 2 + 1] = low;
    }
  }
  let sumHigh = 0;
  let sumLow = 0;
  for (const [lane, turns] of [1, 7, 12, 18].entries()) {
    high = lanes[lane * 2] as number;
    low = lanes[lane * 2 + 1] as number;
    rotate(turns);
    add(sumHigh, sumLow);
    sumHigh = high;
    sumLow = low;
  }
  for (let lane = 0; lane < 4; lane++) {
    round(0, 0, lanes[lane * 2] as number, lanes[lane * 2 + 1] as number);
    xor(sumHigh, sumLow);
    multiply(p1h, p1l);
    add(p4h, p4l);
    sumHigh = high;
    sumLow = low;
  }
  return at;
}

function startLanes(seedLow: number, seedHigh: number): number[] {
  high = p1h;
  low = p1l;
  add(p2h, p2l);
  add(seedHigh, seedLow);
  const first = [high, low];
  high = p2h;
  low = p2l;
  add(seedHigh, seedLow);
  const second = [high, low];
  high = seedHigh;
  low = seedLow;
  // Minus p1: its complement and one.
  add(~p1h >>> 0, ~p1l >>> 0);
  add(0, 1);
  return [...first, ...second, seedHigh, seedLow, high, low];
}

/** `rotate(lane + input * p2, 31) * p1` into the accumulator. */
function round(laneHigh: number, laneLow: number, inputHigh: number, inputLow: number): void {
  high = inputHigh;
  low = inputLow;
  multiply(p2h, p2l);
  add(laneHigh, laneLow);
  rotate(31);
  multiply(p1h, p1l);
}

/** Four bytes, the least significant first. */
function word(text: string, at: number): number {
  return (
    ((text.charCodeAt(at) & 0xff) |
      ((text.charCodeAt(at + 1) & 0xff) << 8) |
      ((text.charCodeAt(at + 2) & 0xff) << 16) |
      (text.charCodeAt(at + 3) << 24)) >>>
    0
  );
}

function add(otherHigh: number, otherLow: number): void {
  const sum = low + otherLow;
  high = (high + otherHigh + (sum > 0xffff_ffff ? 1 : 0)) >>> 0;
  low = sum >>> 0;
}

function xor(otherHigh: number, otherLow: number): void {
  high = (high ^ otherHigh) >>> 0;
  low = (low ^ otherLow) >>> 0;
}

/** By less than 32. */
function rotate(bits: number): void {
  const before = high;
  high = ((high << bits) | (low >>> (32 - bits))) >>> 0;
  low = ((low << bits) | (before >>> (32 - bits))) >>> 0;
}

function multiply(otherHigh: number, otherLow: number): void {
  const a0 = low & 0xffff;
  const a1 = low >>> 16;
  const b0 = otherLow & 0xffff;
  const b1 = otherLow >>> 16;
  const crossed = a1 * b0 + ((a0 * b0) >>> 16);
  const carried = a0 * b1 + (crossed & 0xffff);
  // The upper half of the product of the lower halves, without what exceeds 32 bits.
  const carry = a1 * b1 + Math.floor(crossed / 0x1_0000) + Math.floor(carried / 0x1_0000);
  high = (carry + Math.imul(high, otherLow) + Math.imul(low, otherHigh)) >>> 0;
  low = Math.imul(low, otherLow) >>> 0;
}
