import path from 'node:path';
import type { Command } from 'commander';
import type { CliContext } from '../context.ts';
import { passThroughCommand } from '../process/pass-through.ts';

/** What the init container of an injected pod runs. */
export function interceptionCommand(context: CliContext): Command {
  return passThroughCommand(
    context,
    'interception',
    'nftables rules that lead the traffic of a pod to its proxy',
    (root) => path.join(root, 'sidecar', 'interception', 'main.ts'),
  );
}
