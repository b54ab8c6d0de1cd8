/** Exit codes of the command line; `heddle --help` prints them. `heddle run` ends with the code of its command. */
export const ExitCode = {
  ok: 0,
  /** The answer is no: invalid resources, an object that does not exist, differences found. */
  no: 1,
  /** The work could not be done: no control plane, a server error, a process that did not start. */
  failed: 2,
  /** The command line or a configuration file is wrong; nothing was started. */
  usage: 64,
} as const;

/** An error whose message is meant for the person at the terminal; printed without a stack. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exitCode: number;

  constructor(message: string, exitCode: number = ExitCode.failed) {
    super(message);
    this.exitCode = exitCode;
  }
}
