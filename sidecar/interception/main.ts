import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { defaultInterception, parsePorts, removeRuleset, renderRuleset } from './ruleset.ts';

// `heddle interception install|remove|print`: the program of the init container. Needs CAP_NET_ADMIN and nft.

const help = `Usage: heddle interception install|remove|print [flags]

Redirects the TCP traffic of this network namespace to the proxy by nftables, in one transaction.

  --proxy-uid UID              user whose traffic is left alone (default ${defaultInterception.proxyUid})
  --outbound-port PORT         default ${defaultInterception.outboundPort}
  --inbound-port PORT          default ${defaultInterception.inboundPort}
  --skip-outbound-ports PORTS  for example 3306,6000-6010
  --skip-inbound-ports PORTS

Examples:
  heddle interception print --skip-outbound-ports 3306
  heddle interception install
`;

function main(): number {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      'proxy-uid': { type: 'string', default: String(defaultInterception.proxyUid) },
      'outbound-port': { type: 'string', default: String(defaultInterception.outboundPort) },
      'inbound-port': { type: 'string', default: String(defaultInterception.inboundPort) },
      'skip-outbound-ports': { type: 'string', default: '' },
      'skip-inbound-ports': { type: 'string', default: '' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const [action] = positionals;
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const problems: string[] = [];
  const number = (flag: 'proxy-uid' | 'outbound-port' | 'inbound-port', max: number): number => {
    const value = Number(values[flag]);
    if (!/^\d+$/.test(values[flag]) || value < 1 || value > max)
      problems.push(`--${flag}: ${values[flag]} is not a number from 1 to ${max}`);
    return value;
  };
  const ports = (flag: 'skip-outbound-ports' | 'skip-inbound-ports'): string[] => {
    const parsed = parsePorts(values[flag]);
    if (parsed === undefined) problems.push(`--${flag}: ${values[flag]} is not a list of ports and ranges`);
    return parsed ?? [];
  };
  const ruleset = renderRuleset({
    proxyUid: number('proxy-uid', 2 ** 31 - 1),
    outboundPort: number('outbound-port', 65_535),
    inboundPort: number('inbound-port', 65_535),
    skipOutboundPorts: ports('skip-outbound-ports'),
    skipInboundPorts: ports('skip-inbound-ports'),
  });
  if (action !== 'install' && action !== 'remove' && action !== 'print') problems.push('say install, remove or print');
  if (problems.length > 0) {
    for (const problem of problems) process.stderr.write(`heddle interception: ${problem}\n`);
    return 64;
  }
  if (action === 'print') {
    process.stdout.write(ruleset);
    return 0;
  }
  const result = spawnSync('nft', ['-f', '-'], {
    input: action === 'install' ? ruleset : removeRuleset,
    encoding: 'utf8',
  });
  if (result.error !== undefined) {
    process.stderr.write(`heddle interception: cannot run nft (${result.error.message}); install nftables\n`);
    return 1;
  }
  if (result.status !== 0) {
    process.stderr.write(`heddle interception: nft refused the rules; is CAP_NET_ADMIN granted?\n${result.stderr}`);
    return 1;
  }
  return 0;
}

try {
  process.exitCode = main();
} catch (error) {
  process.stderr.write(`heddle interception: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 64;
}
