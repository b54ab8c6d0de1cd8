import fs from 'node:fs';
import path from 'node:path';
import { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { serialize } from '../output/format.ts';
import { examples, outputOption, type ServerOptions, serverOption } from './shared-options.ts';

interface Options extends ServerOptions {
  readonly output?: 'json' | 'yaml';
  readonly client?: boolean;
}

/** Version of this package. */
export function clientVersion(root: string): string {
  const { version } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };
  return version;
}

export function versionCommand(context: CliContext): Command {
  const command = new Command('version')
    .description('Versions of the command line and of the control plane')
    .option('--client', 'do not ask the control plane');
  examples(command, 'heddle version', 'heddle version --client -o json');
  return serverOption(outputOption(command, ['json', 'yaml'])).action(async (options: Options) => {
    const client = clientVersion(context.root);
    const node = process.versions.node;
    let server: string | undefined;
    if (options.client !== true) {
      try {
        server = (await context.client(options.server).info()).version;
      } catch (error) {
        if (!(error instanceof CliError)) throw error;
        context.stderr.write(`${error.message}\n`);
      }
    }
    if (options.output !== undefined) {
      context.stdout.write(await serialize({ client, server: server ?? null, node }, options.output));
    } else {
      context.stdout.write(`Client: ${client} (Node ${node})\nServer: ${server ?? 'not reached'}\n`);
    }
  });
}
