import { z } from 'zod';

/** Grammar of GEP-2257: up to four numbers of up to five digits, each with its unit. */
const grammar = /^(?:[0-9]{1,5}(?:h|m|s|ms)){1,4}$/;
const unitMs = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const;

/** Milliseconds of a duration of the Gateway API (`1h30m`, `500ms`), or `undefined` when it is not one. */
export function parseDuration(text: string): number | undefined {
  if (!grammar.test(text)) return undefined;
  let sum = 0;
  for (const [, digits, unit] of text.matchAll(/([0-9]+)(h|ms|m|s)/g)) {
    sum += Number(digits) * unitMs[unit as keyof typeof unitMs];
  }
  return sum;
}

/** Milliseconds of a duration that its schema accepted before; `undefined` stays. */
export function durationMs(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseDuration(text);
}

/** A duration field between two limits, in milliseconds; `0s` is for "none" where the minimum allows it. */
export function duration(minMs: number, maxMs: number): z.ZodString {
  return z.string({ error: 'must be a duration, such as 500ms, 10s or 1m30s' }).superRefine((text, ctx) => {
    const ms = parseDuration(text);
    if (ms === undefined) {
      ctx.addIssue({
        code: 'custom',
        message: `\`${text.slice(0, 40)}\` is not a duration: numbers with h, m, s or ms, without sign, fraction or space`,
        params: { hint: hintFor(text) },
      });
    } else if (ms < minMs || ms > maxMs) {
      ctx.addIssue({ code: 'custom', message: `must be between ${show(minMs)} and ${show(maxMs)}` });
    }
  });
}

function hintFor(text: string): string | undefined {
  const seconds = /^[0-9]{1,5}$/.exec(text);
  if (seconds !== null) return `${text}s`;
  const fraction = /^([0-9]{1,3}(?:\.[0-9]{1,3})?)s$/.exec(text);
  return fraction === null ? undefined : `${Math.round(Number(fraction[1]) * 1000)}ms`;
}

function show(ms: number): string {
  if (ms % 3_600_000 === 0 && ms > 0) return `${ms / 3_600_000}h`;
  return ms % 1_000 === 0 ? `${ms / 1_000}s` : `${ms}ms`;
}
