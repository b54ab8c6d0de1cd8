/** Three digits of a duration with its unit: `0.43 ms`, `43.2 ms`, `4.32 s`. */
export function formatDuration(ms: number): string {
  if (ms <= 0) return '0 ms';
  if (ms < 1000) return `${threeDigits(ms)} ms`;
  if (ms < 60_000) return `${threeDigits(ms / 1000)} s`;
  return `${threeDigits(ms / 60_000)} min`;
}

/** A round duration without needless digits: `5 ms`, `1.2 s`. */
export function formatTick(ms: number): string {
  if (ms === 0) return '0';
  return ms < 1000 ? `${Number(ms.toPrecision(3))} ms` : `${Number((ms / 1000).toPrecision(3))} s`;
}

/** Requests a second: `12.3/s`. */
export function formatRate(rate: number): string {
  if (rate === 0) return '0/s';
  return rate < 0.01 ? '<0.01/s' : `${threeDigits(rate)}/s`;
}

/** A share of 1. Never says 100% when there was a failure, nor 0% when there was a success. */
export function formatPercent(share: number): string {
  if (share >= 1) return '100%';
  if (share <= 0) return '0%';
  if (share > 0.9999) return '>99.99%';
  if (share >= 0.995) return `${(share * 100).toFixed(2)}%`;
  return share < 0.001 ? '<0.1%' : `${(share * 100).toFixed(1)}%`;
}

/** Local time of day with milliseconds. */
export function formatTime(iso: string): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return '';
  const two = (value: number) => String(value).padStart(2, '0');
  const ms = String(date.getMilliseconds()).padStart(3, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${ms}`;
}

/** Local date and time, for titles and headers. */
export function formatDateTime(iso: string): string {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? '' : `${date.toLocaleDateString()} ${formatTime(iso)}`;
}

/** How long ago, in one unit: `42 s`, `3 min`, `5 h`. */
export function formatAge(iso: string, now: number): string {
  const seconds = Math.max(0, Math.floor((now - Date.parse(iso)) / 1000));
  if (Number.isNaN(seconds)) return '';
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`;
}

function threeDigits(value: number): string {
  if (value < 0.01) return '<0.01';
  if (value < 10) return value.toFixed(2);
  return value < 100 ? value.toFixed(1) : value.toFixed(0);
}
