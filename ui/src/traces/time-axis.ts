/** The part of a trace that is shown, in milliseconds after its start. */
export interface TimeRange {
  from: number;
  to: number;
}

/** Round times inside a range, about `count`, for the lines of an axis. */
export function ticksOf({ from, to }: TimeRange, count: number): number[] {
  const span = to - from;
  if (!(span > 0)) return [];
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].findLast((factor) => factor * power <= rough * 1.4) ?? 1) * power;
  const ticks: number[] = [];
  for (let tick = Math.ceil(from / step) * step; tick <= to && ticks.length <= 2 * count; tick += step)
    ticks.push(tick);
  return ticks;
}

/** Left edge and width of an interval within a range, in percent; clipped, and never too thin to be seen. */
export function barOf(startMs: number, durationMs: number, { from, to }: TimeRange): { left: number; width: number } {
  const span = Math.max(to - from, 1e-6);
  const left = Math.min(100, Math.max(0, ((startMs - from) / span) * 100));
  const right = Math.min(100, Math.max(0, ((startMs + durationMs - from) / span) * 100));
  return { left: Math.min(left, 99.8), width: Math.max(0.2, right - left) };
}
