const conversions: Readonly<Record<string, (date: Date) => string>> = {
  Y: (date) => String(date.getUTCFullYear()),
  m: (date) => two(date.getUTCMonth() + 1),
  d: (date) => two(date.getUTCDate()),
  H: (date) => two(date.getUTCHours()),
  M: (date) => two(date.getUTCMinutes()),
  S: (date) => two(date.getUTCSeconds()),
  s: (date) => String(Math.floor(date.getTime() / 1_000)),
  F: (date) => date.toISOString().slice(0, 10),
  T: (date) => date.toISOString().slice(11, 19),
  z: () => '+0000',
  Z: () => 'UTC',
  '3f': (date) => three(date.getUTCMilliseconds()),
  '6f': (date) => `${three(date.getUTCMilliseconds())}000`,
  f: (date) => `${three(date.getUTCMilliseconds())}000000`,
  '%': () => '%',
};

/**
 * A time (milliseconds since the epoch) in UTC, in the subset of `strftime` that Envoy's `%START_TIME(…)%` is used
 * with; an empty format gives ISO 8601 with milliseconds. `undefined` where the format holds another conversion.
 */
export function formatTime(format: string, wallMs: number): string | undefined {
  const date = new Date(wallMs);
  if (format === '') return date.toISOString();
  let understood = true;
  const text = format.replace(/%([36]f|.|$)/g, (_, conversion: string) => {
    const convert = Object.hasOwn(conversions, conversion) ? conversions[conversion] : undefined;
    understood &&= convert !== undefined;
    return convert?.(date) ?? '';
  });
  return understood ? text : undefined;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

function three(value: number): string {
  return String(value).padStart(3, '0');
}
