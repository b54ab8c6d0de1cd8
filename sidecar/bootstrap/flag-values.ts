import { availableParallelism } from 'node:os';
import type { LogLevel } from '../../lib/log.ts';

const levels: readonly string[] = ['debug', 'info', 'warn', 'error', 'off'] satisfies LogLevel[];
/** Envoy's names of levels that are called otherwise here. */
const envoyLevels: Readonly<Record<string, LogLevel>> = {
  trace: 'debug',
  warning: 'warn',
  err: 'error',
  critical: 'error',
};

/** Reads the value of `--<flag>`, a number within bounds; adds a problem when it is none. */
export function readNumber(
  flag: string,
  text: string,
  [least, most]: readonly [number, number],
  problems: string[],
  whole = false,
): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= least && value <= most) || (whole && !Number.isInteger(value))) {
    problems.push(`--${flag} "${text}": must be a${whole ? ' whole' : ''} number from ${least} to ${most}`);
  }
  return value;
}

/** Reads `--log-level`, in our words or Envoy's. */
export function readLogLevel(text: string, problems: string[]): LogLevel {
  const level = Object.hasOwn(envoyLevels, text) ? envoyLevels[text] : text;
  if (isLevel(level)) return level;
  problems.push(`--log-level "${text}": must be one of ${levels.join(', ')}`);
  return 'info';
}

function isLevel(text: string | undefined): text is LogLevel {
  return text !== undefined && levels.includes(text);
}

/** Reads `--access-log`: `off`, `-` for standard output, or a file. */
export function readAccessLog(target: string, sample: number): { target: string; sample: number } | undefined {
  if (target === 'off') return undefined;
  return { target: target === '-' ? 'stdout' : target, sample };
}

/** Reads `--concurrency`: how many processes carry the traffic; 0 is one for each core. */
export function readConcurrency(text: string | undefined, fallback: number, problems: string[]): number {
  if (text === undefined) return fallback;
  const asked = readNumber('concurrency', text, [0, 64], problems, true);
  return asked === 0 ? availableParallelism() : asked;
}

/** Checks `--otlp`: a URL, or empty for nowhere. */
export function checkOtlp(url: string, problems: string[]): void {
  const protocol = URL.canParse(url) ? new URL(url).protocol : '';
  if (url !== '' && !/^https?:$/.test(protocol)) {
    problems.push(`--otlp "${url}": must be an http:// or https:// URL, or empty`);
  }
}
