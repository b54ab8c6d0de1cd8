import type { ApiClient } from './client.ts';

/** What a command may touch of the world; made by main.ts alone, so that the rest reads no global. */
export interface CliContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Folder of the package: where `control-plane/`, `sidecar/` and `examples/` are. */
  readonly root: string;
  /** The Node that runs us, and all our children. */
  readonly node: string;
  readonly stdin: NodeJS.ReadStream;
  /** Data. */
  readonly stdout: NodeJS.WriteStream;
  /** Progress, warnings, errors. */
  readonly stderr: NodeJS.WriteStream;
  /** Client of the server named by `--server`, HEDDLE_SERVER or the default. */
  client(server?: string): ApiClient;
  /** Sets what the process exits with once nothing is left to do. */
  setExitCode(code: number): void;
  /** Ends the process at once; for commands that hold handles they cannot close. */
  exit(code: number): never;
}
