import { CliError, ExitCode } from './cli-error.ts';
import { ApiFailure } from './client.ts';
import type { CliContext } from './context.ts';
import { renderProblems } from './output/problems.ts';

/** Runs an API call; problems in the user's files are printed one a line, and the command ends with 1. */
export async function explainProblems<T>(context: CliContext, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof ApiFailure) || error.problems.length === 0) throw error;
    const count = error.problems.length;
    context.stderr.write(renderProblems(error.problems));
    throw new CliError(`${count} ${count === 1 ? 'problem' : 'problems'} found; nothing was changed`, ExitCode.no);
  }
}
