import { Command } from 'commander';
import type { CliContext } from '../context.ts';
import { serialize } from '../output/format.ts';
import { styleFor } from '../output/style.ts';
import { examples, outputOption, type ServerOptions, serverOption, wholeNumber } from './shared-options.ts';

interface Options extends ServerOptions {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly ttl: number;
  readonly output?: 'json' | 'yaml';
}

export function tokenCommand(context: CliContext): Command {
  const create = new Command('create')
    .description('A join token: lets one sidecar get its identity, once')
    .option('-n, --namespace <name>', 'namespace of the identity', 'default')
    .option('--service-account <name>', 'service account of the identity', 'default')
    .option('--ttl <seconds>', 'how long it may wait to be used', wholeNumber(1, 86_400), 600);
  examples(
    create,
    'heddle token create -n shop --service-account cart > cart.token',
    'heddle token create -n shop --service-account cart -o json   # with trust bundle and xDS address',
  );
  outputOption(serverOption(create), ['json', 'yaml']);
  create.action(async (options: Options) => {
    const response = await context.client(options.server).createToken({
      namespace: options.namespace,
      serviceAccount: options.serviceAccount,
      ttlSeconds: options.ttl,
    });
    const style = styleFor(context.stderr);
    context.stderr.write(
      `${style('yellow', 'This token is a secret:')} who has it before ${response.expiresAt} can be ns/${options.namespace}/sa/${options.serviceAccount}. It works once.\n`,
    );
    context.stdout.write(
      options.output === undefined ? `${response.token}\n` : await serialize(response, options.output),
    );
  });
  return new Command('token').description('Join tokens').addCommand(create, { isDefault: true });
}
