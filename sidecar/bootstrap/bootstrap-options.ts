import type { LogLevel } from '../../lib/log.ts';

/** What `heddle sidecar -c FILE` is told besides the file. */
export interface BootstrapOptions {
  /** The bootstrap, and its text. */
  readonly file: string;
  readonly text: string;
  readonly mode: 'serve' | 'validate';
  /** Take the place of `node.id` and `node.cluster`; empty for what the file says. */
  readonly serviceNode: string;
  readonly serviceCluster: string;
  /** Base URL spans are sent to; empty for nowhere. */
  readonly otlp: string;
  readonly traceSampling: number;
  /** Where access log lines go; `undefined` for nowhere. */
  readonly accessLog: { target: 'stdout' | string; sample: number } | undefined;
  /** Processes that carry the traffic; 1 for this one. */
  readonly concurrency: number;
  readonly drainSeconds: number;
  readonly logLevel: LogLevel;
}
