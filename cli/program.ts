import { Command } from 'commander';
import { applyCommand } from './commands/apply.ts';
import { completeCommand } from './commands/complete.ts';
import { completionCommand } from './commands/completion.ts';
import { defaultsCommand } from './commands/defaults.ts';
import { deleteCommand } from './commands/delete.ts';
import { demoCommand } from './commands/demo.ts';
import { describeCommand } from './commands/describe.ts';
import { devCommand } from './commands/dev.ts';
import { diffCommand } from './commands/diff.ts';
import { gatewayCommand } from './commands/gateway.ts';
import { getCommand } from './commands/get.ts';
import { injectCommand } from './commands/inject.ts';
import { interceptionCommand } from './commands/interception.ts';
import { proxyConfigCommand } from './commands/proxy-config.ts';
import { proxyStatusCommand } from './commands/proxy-status.ts';
import { runCommand } from './commands/run.ts';
import { sidecarCommand } from './commands/sidecar.ts';
import { tokenCommand } from './commands/token.ts';
import { traceCommand } from './commands/trace.ts';
import { upCommand } from './commands/up.ts';
import { clientVersion, versionCommand } from './commands/version.ts';
import type { CliContext } from './context.ts';

/** The whole command line. Commands throw; only main.ts ends the process. */
export function createProgram(context: CliContext): Command {
  const program = new Command('heddle')
    .description('A service mesh in TypeScript: control plane, sidecars, gateway')
    .version(clientVersion(context.root), '--version', 'version of the command line')
    .enablePositionalOptions()
    .showHelpAfterError('(--help says more)')
    .addHelpText(
      'after',
      `
Exit codes: 0 done; 1 the answer is no (invalid resources, not found, differences); 2 it could not be done (no control
plane, a process did not start); 64 the command line is wrong. heddle run ends with the code of its command.

Environment: HEDDLE_SERVER (the control plane's API), HEDDLE_NODE (Node to run with), NO_COLOR.

First steps:
  heddle demo                              a shop of five services in a mesh, on this machine
  heddle up                                a control plane
  heddle run --service web --port 3000 -- npm start`,
    );
  program.commandsGroup('Run:');
  for (const make of [demoCommand, upCommand, devCommand, runCommand, gatewayCommand]) add(make);
  program.commandsGroup('Objects:');
  for (const make of [applyCommand, getCommand, describeCommand, deleteCommand, diffCommand, injectCommand]) add(make);
  program.commandsGroup('See:');
  for (const make of [proxyStatusCommand, proxyConfigCommand, traceCommand]) add(make);
  program.commandsGroup('Inside a pod:');
  for (const make of [sidecarCommand, interceptionCommand]) add(make);
  program.commandsGroup('Other:');
  for (const make of [defaultsCommand, tokenCommand, completionCommand, versionCommand]) add(make);
  program.addCommand(completeCommand(context, program), { hidden: true });
  settle(program, context);
  return program;

  function add(make: (context: CliContext) => Command): void {
    program.addCommand(make(context));
  }
}

/** What holds for every command: throw instead of exiting, and write to the streams of the context. */
function settle(command: Command, context: CliContext): void {
  command
    .exitOverride()
    .allowExcessArguments(false)
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
    });
  for (const child of command.commands) settle(child, context);
}
