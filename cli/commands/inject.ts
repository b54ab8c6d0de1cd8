import path from 'node:path';
import type { Command } from 'commander';
import type { CliContext } from '../context.ts';
import { passThroughCommand } from '../process/pass-through.ts';

/** The filter is a program of its own: the injector belongs to the control plane, which uses it for the webhook. */
export function injectCommand(context: CliContext): Command {
  return passThroughCommand(context, 'inject', 'Add sidecars to Kubernetes workloads: YAML in, YAML out', (root) =>
    path.join(root, 'control-plane', 'inject', 'main.ts'),
  );
}
