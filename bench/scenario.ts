import type { Measured } from './processes.ts';

/** One thing to compare: the same work done by Heddle and by its peers. */
export interface Scenario {
  name: string;
  description: string;
  /** Name of the candidate that the ratios refer to. */
  reference: string;
  /** The most that Heddle's ratio should be; said in the report, never asserted. */
  expected: number;
  candidates: Candidate[];
}

export interface Candidate {
  name: string;
  /** Why it cannot run here, or undefined. */
  absent(): string | undefined;
  start(context: Context): Promise<RunningCandidate>;
}

export interface RunningCandidate extends Measured {
  /** Where the load goes. */
  url: string;
  version: string;
}

/** What all candidates of a scenario share. */
export interface Context {
  /** The upstream: answers every request with the same 170 bytes. */
  upstreamPort: number;
  /** Scratch folder, removed at the end. */
  folder: string;
  /** Core for the proxies; load generator and upstream run on the other. */
  core: number;
}
