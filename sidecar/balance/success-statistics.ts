import type { OutlierConfig } from '../cluster/cluster-config.ts';
import type { RequestResult } from './request-result.ts';

/** Requests of one endpoint since the interval began. */
export interface Tally {
  answered: number;
  succeeded: number;
  /** With and without an answer, where the two are told apart. */
  sent: number;
  reached: number;
}

export function newTally(): Tally {
  return { answered: 0, succeeded: 0, sent: 0, reached: 0 };
}

export function count(tally: Tally, result: RequestResult, splitLocalOrigin: boolean): void {
  if (splitLocalOrigin) {
    tally.sent++;
    if (result === 'local-origin') return;
    tally.reached++;
  }
  tally.answered++;
  if (result === 'success') tally.succeeded++;
}

/** Why an endpoint is found wanting, and with which chance it is then taken out. */
export interface Finding<K> {
  readonly key: K;
  readonly detector: 'success-rate' | 'failure-percentage';
  /** Percent. */
  readonly enforcing: number;
  readonly detail: string;
}

type Rate = (tally: Tally) => { requests: number; successes: number };

const answers: Rate = ({ answered, succeeded }) => ({ requests: answered, successes: succeeded });
const arrivals: Rate = ({ sent, reached }) => ({ requests: sent, successes: reached });

/** Compares the endpoints of a cluster at the end of an interval; those to be taken out, the worst first. */
export function compareTallies<K>(tallies: ReadonlyMap<K, Tally>, config: OutlierConfig): Finding<K>[] {
  const { successRate, failurePercentage, splitLocalOrigin } = config;
  const kinds: readonly [Rate, 'enforcing' | 'enforcingLocalOrigin'][] = splitLocalOrigin
    ? [
        [answers, 'enforcing'],
        [arrivals, 'enforcingLocalOrigin'],
      ]
    : [[answers, 'enforcing']];
  return kinds.flatMap(([rate, enforcing]) => [
    ...bySuccessRate(tallies, rate, successRate, successRate[enforcing]),
    ...byFailurePercentage(tallies, rate, failurePercentage, failurePercentage[enforcing]),
  ]);
}

function bySuccessRate<K>(
  tallies: ReadonlyMap<K, Tally>,
  rate: Rate,
  config: OutlierConfig['successRate'],
  enforcing: number,
): Finding<K>[] {
  if (enforcing === 0) return [];
  const rates = percentages(tallies, rate, config.requestVolume);
  if (rates.length < Math.max(1, config.minimumHosts)) return [];
  const mean = rates.reduce((sum, { percent }) => sum + percent, 0) / rates.length;
  const variance = rates.reduce((sum, { percent }) => sum + (percent - mean) ** 2, 0) / rates.length;
  const threshold = mean - config.stdevFactor * Math.sqrt(variance);
  return rates
    .filter(({ percent }) => percent < threshold)
    .map(({ key, percent }) => ({
      key,
      detector: 'success-rate',
      enforcing,
      detail: `${percent.toFixed(1)} % succeeded, below ${threshold.toFixed(1)} % (mean ${mean.toFixed(1)} %)`,
    }));
}

function byFailurePercentage<K>(
  tallies: ReadonlyMap<K, Tally>,
  rate: Rate,
  config: OutlierConfig['failurePercentage'],
  enforcing: number,
): Finding<K>[] {
  if (enforcing === 0) return [];
  const rates = percentages(tallies, rate, config.requestVolume);
  if (rates.length < Math.max(1, config.minimumHosts)) return [];
  return rates
    .filter(({ percent }) => 100 - percent >= config.threshold)
    .map(({ key, percent }) => ({
      key,
      detector: 'failure-percentage',
      enforcing,
      detail: `${(100 - percent).toFixed(1)} % failed, not below ${config.threshold} %`,
    }));
}

function percentages<K>(
  tallies: ReadonlyMap<K, Tally>,
  rate: Rate,
  requestVolume: number,
): { key: K; percent: number }[] {
  const found: { key: K; percent: number }[] = [];
  for (const [key, tally] of tallies) {
    const { requests, successes } = rate(tally);
    if (requests >= Math.max(1, requestVolume)) found.push({ key, percent: (successes * 100) / requests });
  }
  return found.sort((a, b) => a.percent - b.percent);
}
