/** A default for people, as `heddle defaults` and docs/defaults.md show it. */
export interface DefaultRow {
  /** What it belongs to, for example `cluster`. */
  readonly group: string;
  /** The field or flag that changes it; what is fixed has a name in words. */
  readonly name: string;
  readonly value: string;
  readonly reason: string;
}

/** `15 s`, `250 ms`, `1 h`; 0 is `none`. */
export function showMs(ms: number): string {
  if (ms === 0) return 'none';
  for (const [unit, size] of [
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1_000],
  ] as const) {
    if (ms >= size && ms % size === 0 && (unit !== 'min' || ms >= 120_000)) return `${ms / size} ${unit}`;
  }
  return `${ms} ms`;
}

/** `64 KiB`, `1 MiB`, `240 B`. */
export function showBytes(bytes: number): string {
  if (bytes >= 1_048_576 && bytes % 1_048_576 === 0) return `${bytes / 1_048_576} MiB`;
  return bytes >= 1_024 && bytes % 1_024 === 0 ? `${bytes / 1_024} KiB` : `${bytes} B`;
}

/** `1,024`. */
export function showCount(count: number): string {
  return count.toLocaleString('en-US');
}
