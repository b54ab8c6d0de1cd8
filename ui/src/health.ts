/** A word beside each colour, because colour alone tells nothing to many. */
export type Health = 'good' | 'degraded' | 'bad' | 'idle';

/** Below 99 % of success is degraded, below 95 % bad; idle without traffic. */
export function healthOf(successRate: number, rate: number): Health {
  if (rate <= 0) return 'idle';
  if (successRate >= 0.99) return 'good';
  return successRate >= 0.95 ? 'degraded' : 'bad';
}

export const healthWords: Readonly<Record<Health, string>> = {
  good: 'healthy, at least 99% succeed',
  degraded: 'degraded, 95 to 99% succeed',
  bad: 'failing, less than 95% succeed',
  idle: 'no traffic in the window',
};
