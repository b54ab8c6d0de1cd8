/** ISO 8601 in UTC with microseconds, so that the start of a trace can be given back as a page's bound. */
export function formatMicros(micros: number): string {
  const ms = Math.floor(micros / 1000);
  const iso = new Date(ms).toISOString();
  return `${iso.slice(0, -1)}${String(micros - ms * 1000).padStart(3, '0')}Z`;
}

/** The reverse of {@link formatMicros}; also takes any ISO 8601 time. `undefined` when it is none. */
export function parseMicros(text: string): number | undefined {
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) return undefined;
  const fraction = /\.\d{3}(\d{1,3})\d*(?:Z|[+-]\d\d:\d\d)$/.exec(text)?.[1] ?? '';
  return ms * 1000 + Number(fraction.padEnd(3, '0'));
}
