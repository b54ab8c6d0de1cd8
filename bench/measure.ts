import type { LoadResult } from './load/load-result.ts';
import { cpuMs, rssMiB } from './processes.ts';
import type { Context, RunningCandidate, Scenario } from './scenario.ts';

export interface Measurement {
  candidate: string;
  version: string;
  /** One value for each round, of the scenario's unit. */
  cpuMicros: number[];
  perSecond: number[];
  p50Ms: number[];
  p99Ms: number[];
  errors: number;
  rssMiB: number;
}

export interface ScenarioResult {
  scenario: Scenario;
  measurements: Measurement[];
  absent: { candidate: string; reason: string }[];
}

export interface MeasureOptions {
  rounds: number;
  seconds: number;
  /** Before the first round, long enough for a just-in-time compiler to be done. */
  warmUpSeconds: number;
  loadCore: number;
  progress(text: string): void;
}

interface Running {
  process: RunningCandidate;
  result: Measurement;
}

/** Runs all candidates of a scenario side by side, alternating, so that a noisy moment hits them alike. */
export async function measure(scenario: Scenario, context: Context, options: MeasureOptions): Promise<ScenarioResult> {
  const absent: ScenarioResult['absent'] = [];
  const running: Running[] = [];
  const saturation: number[] = [];
  const { seconds, rounds, warmUpSeconds, progress } = options;
  const run = { core: options.loadCore, folder: context.folder };
  try {
    for (const candidate of scenario.candidates) {
      const missing = candidate.absent();
      progress(`${scenario.name}: ${candidate.name}${missing === undefined ? '' : ` is absent, ${missing}`}`);
      const started = missing ?? (await candidate.start(context).catch((error: unknown) => reasonOf(error)));
      const reason = typeof started === 'string' ? started : await warmUp(started);
      if (reason !== undefined) absent.push({ candidate: candidate.name, reason });
    }
    for (let round = 1; round <= rounds; round++) {
      // The order turns round, so that no candidate always follows the same one.
      const order = round % 2 === 0 ? [...running].reverse() : running;
      for (const { process, result } of order) {
        progress(`${scenario.name}: round ${round} of ${rounds}, ${process.name}`);
        const before = cpuMs(process.pids());
        const seen = await scenario.load(process, { ...run, seconds, saturation });
        record(result, seen, cpuMs(process.pids()) - before, rssMiB(process.pids()));
      }
    }
  } finally {
    for (const { process } of running) await process.stop();
  }
  return { scenario, measurements: running.map(({ result }) => result), absent };

  /** Says why it cannot take part; what does not do the work at all is not measured. */
  async function warmUp(process: RunningCandidate): Promise<string | undefined> {
    const empty = { cpuMicros: [], perSecond: [], p50Ms: [], p99Ms: [], errors: 0, rssMiB: 0 };
    const seen = await scenario
      .load(process, { ...run, seconds: warmUpSeconds, saturation: [] })
      .catch((error: unknown) => reasonOf(error));
    if (typeof seen !== 'string' && seen.done > 0 && seen.errors < seen.done) {
      running.push({ process, result: { candidate: process.name, version: process.version, ...empty } });
      saturation.push(seen.done / seen.seconds);
      return undefined;
    }
    await process.stop();
    return typeof seen === 'string' ? seen : `no work done, ${seen.errors} errors: not supported`;
  }
}

function record(result: Measurement, seen: LoadResult, cpu: number, rss: number): void {
  result.cpuMicros.push((cpu * 1000) / seen.done);
  result.perSecond.push(seen.done / seen.seconds);
  if (seen.p50Ms !== undefined) result.p50Ms.push(seen.p50Ms);
  if (seen.p99Ms !== undefined) result.p99Ms.push(seen.p99Ms);
  result.errors += seen.errors;
  result.rssMiB = Math.max(result.rssMiB, rss);
}

function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.trim().split('\n').slice(0, 3).join(' ').slice(0, 300);
}
