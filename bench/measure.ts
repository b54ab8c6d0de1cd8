import { type LoadResult, load } from './load.ts';
import { cpuMs, rssMiB } from './processes.ts';
import type { Candidate, Context, RunningCandidate, Scenario } from './scenario.ts';

export interface Measurement {
  candidate: string;
  version: string;
  /** One value for each round. */
  cpuMicrosPerRequest: number[];
  requestsPerSecond: number[];
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
  connections: number;
  loadCore: number;
  progress(text: string): void;
}

/** Runs all candidates of a scenario side by side, alternating, so that a noisy moment hits them alike. */
export async function measure(scenario: Scenario, context: Context, options: MeasureOptions): Promise<ScenarioResult> {
  const absent: ScenarioResult['absent'] = [];
  const running: { candidate: Candidate; process: RunningCandidate; result: Measurement }[] = [];
  try {
    for (const candidate of scenario.candidates) {
      const reason = candidate.absent();
      if (reason !== undefined) {
        absent.push({ candidate: candidate.name, reason });
        continue;
      }
      options.progress(`${scenario.name}: starting ${candidate.name}`);
      const process = await candidate.start(context);
      const result = {
        candidate: candidate.name,
        version: process.version,
        cpuMicrosPerRequest: [],
        requestsPerSecond: [],
        p50Ms: [],
        p99Ms: [],
        errors: 0,
        rssMiB: 0,
      };
      running.push({ candidate, process, result });
      // Long enough for a just-in-time compiler to be done.
      await load(options.loadCore, process.url, options.connections, 6);
    }
    for (let round = 1; round <= options.rounds; round++) {
      // The order turns round, so that no candidate always follows the same one.
      const order = round % 2 === 0 ? [...running].reverse() : running;
      for (const { process, result } of order) {
        options.progress(`${scenario.name}: round ${round} of ${options.rounds}, ${process.name}`);
        const before = cpuMs(process.pids());
        const seen = await load(options.loadCore, process.url, options.connections, options.seconds);
        record(result, seen, cpuMs(process.pids()) - before, rssMiB(process.pids()));
      }
    }
  } finally {
    for (const { process } of running) await process.stop();
  }
  return { scenario, measurements: running.map(({ result }) => result), absent };
}

function record(result: Measurement, seen: LoadResult, cpu: number, rss: number): void {
  result.cpuMicrosPerRequest.push((cpu * 1000) / seen.requests);
  result.requestsPerSecond.push(seen.requests / seen.seconds);
  result.p50Ms.push(seen.p50Ms);
  result.p99Ms.push(seen.p99Ms);
  result.errors += seen.errors;
  result.rssMiB = Math.max(result.rssMiB, rss);
}
