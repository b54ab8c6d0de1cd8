import type { LoadResult } from './load/load-result.ts';
import type { Measured } from './processes.ts';
import type { Upstreams } from './upstreams/upstreams.ts';

/** What the CPU time of a scenario is divided by. */
export type Unit = 'request' | 'MiB' | 'message' | 'handshake';

/** One thing to compare: the same work done by Heddle and by its peers. */
export interface Scenario {
  name: string;
  description: string;
  unit: Unit;
  /** Name of the candidate that the ratios refer to. */
  reference: string;
  /** Said in the report, never asserted. */
  expected: readonly Expectation[];
  candidates: readonly Candidate[];
  /** Loads a candidate for some seconds: bounded in connections and time. */
  load(target: RunningCandidate, run: LoadRun): Promise<LoadResult>;
}

/** At most `atMost` times what `than` has. */
export interface Expectation {
  candidate: string;
  than: string;
  /** CPU time for each unit, or the latency of the slowest hundredth. */
  figure: 'cpu' | 'p99';
  atMost: number;
}

export interface LoadRun {
  /** Scratch folder of the run, with the certificates of the peers. */
  folder: string;
  core: number;
  seconds: number;
  /** Requests per second that each candidate of the scenario reached at its warm-up; empty during it. */
  saturation: readonly number[];
}

export interface Candidate {
  name: string;
  /** Why it cannot run here, or undefined. */
  absent(): string | undefined;
  start(context: Context): Promise<RunningCandidate>;
}

export interface RunningCandidate extends Measured {
  port: number;
  /** Folder with ca.pem, certificate.pem and key.pem of a client; that of the run where there is none. */
  clientFolder?: string;
  version: string;
}

/** What all candidates of a scenario share. */
export interface Context {
  upstreams: Upstreams;
  /** Scratch folder, removed at the end. */
  folder: string;
  /** Core for the proxies; load generator and upstream run on the other. */
  core: number;
}

/** CPU time of `candidate` compared with `than`. */
export const atMost = (atMost: number, than: string, candidate = 'heddle'): Expectation => ({
  candidate,
  than,
  figure: 'cpu',
  atMost,
});
