import type { Command } from 'commander';
import type { CliContext } from '../context.ts';
import { passThroughCommand } from '../process/pass-through.ts';
import { sidecarProgram } from '../process/sidecar-program.ts';

/** The proxy alone, for containers and for those who start it themselves; `heddle run` brings it with a program. */
export function sidecarCommand(context: CliContext): Command {
  return passThroughCommand(
    context,
    'sidecar',
    'The proxy alone: as containers start it, or from an Envoy bootstrap (-c)',
    sidecarProgram,
  );
}
