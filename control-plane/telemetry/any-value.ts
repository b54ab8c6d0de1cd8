import type { AttributeValue } from './span-record.ts';

/** What a peer may make us keep for one span; the rest is cut off or left out. */
export const attributeLimits = { count: 128, keyLength: 256, valueLength: 4096, depth: 4, items: 32 } as const;

type Json = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Cuts at `limit` UTF-16 units, marked by an ellipsis. */
export function truncate(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit - 1)}…`;
}

/**
 * An OTLP `KeyValue` list in ProtoJSON as flat attributes. Arrays and maps become JSON text, because nothing here
 * looks into them. Never throws; what is no attribute is left out.
 */
export function readAttributes(list: unknown): Record<string, AttributeValue> {
  if (!Array.isArray(list)) return {};
  const entries: [string, AttributeValue][] = [];
  for (const item of list.slice(0, attributeLimits.count)) {
    if (!isObject(item) || typeof item.key !== 'string' || item.key === '') continue;
    const value = readAnyValue(item.value, 0);
    if (value === undefined) continue;
    const flat = typeof value === 'object' ? JSON.stringify(value) : value;
    entries.push([
      truncate(item.key, attributeLimits.keyLength),
      typeof flat === 'string' ? truncate(flat, attributeLimits.valueLength) : flat,
    ]);
  }
  // Unlike an assignment, this makes `__proto__` an ordinary key.
  return Object.fromEntries(entries);
}

type Value = AttributeValue | null | Value[] | { [key: string]: Value };

/** `undefined` for an empty or malformed value. */
function readAnyValue(value: unknown, depth: number): Value | undefined {
  if (!isObject(value) || depth > attributeLimits.depth) return undefined;
  if (typeof value.stringValue === 'string') return value.stringValue;
  if (typeof value.boolValue === 'boolean') return value.boolValue;
  if (value.intValue !== undefined) return readInteger(value.intValue);
  if (value.doubleValue !== undefined) return readDouble(value.doubleValue);
  if (typeof value.bytesValue === 'string') return value.bytesValue;
  if (isObject(value.arrayValue)) return readList(value.arrayValue.values, depth);
  if (isObject(value.kvlistValue)) return readMap(value.kvlistValue.values, depth);
  return undefined;
}

/** ProtoJSON writes int64 as text and reads both. Beyond 2^53 the text is kept, so that no digit is lost. */
function readInteger(value: unknown): AttributeValue | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value !== 'string' || !/^-?\d{1,20}$/.test(value)) return undefined;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** ProtoJSON has the texts `NaN`, `Infinity` and `-Infinity`; they stay text, as JSON has no number for them. */
function readDouble(value: unknown): AttributeValue | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value !== 'string' || value === '') return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : truncate(value, 32);
}

function readList(values: unknown, depth: number): Value[] {
  if (!Array.isArray(values)) return [];
  return values.slice(0, attributeLimits.items).map((item) => readAnyValue(item, depth + 1) ?? null);
}

function readMap(values: unknown, depth: number): { [key: string]: Value } {
  if (!Array.isArray(values)) return {};
  const entries: [string, Value][] = [];
  for (const item of values.slice(0, attributeLimits.items)) {
    if (isObject(item) && typeof item.key === 'string') {
      entries.push([truncate(item.key, attributeLimits.keyLength), readAnyValue(item.value, depth + 1) ?? null]);
    }
  }
  return Object.fromEntries(entries);
}
