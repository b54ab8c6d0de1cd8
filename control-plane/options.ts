import fs from 'node:fs';
import net from 'node:net';
import { parseArgs } from 'node:util';
import type { LogLevel } from '../lib/log.ts';

/** What the command line says; see {@link usage}. */
export interface ControlPlaneFlags {
  readonly stateDir: string;
  readonly configDirs: readonly string[];
  readonly trustDomain: string;
  readonly apiAddress: string;
  readonly apiPort: number;
  readonly xdsAddress: string;
  readonly xdsPort: number;
  /** -1 for off. */
  readonly webhookPort: number;
  readonly logLevel: LogLevel;
  readonly traceRetentionHours: number;
  readonly exitWithParent: boolean;
}

export type ParsedFlags =
  | { readonly kind: 'run'; readonly flags: ControlPlaneFlags }
  | { readonly kind: 'help' }
  | { readonly kind: 'defaults' }
  | { readonly kind: 'invalid'; readonly problems: readonly string[] };

export const usage = `Usage: node control-plane/main.ts --state-dir DIR [flags]

  --state-dir DIR            state: SQLite store, CA key, trust-bundle.pem (required)
  --config-dir DIR           watched folder of YAML; repeatable
  --trust-domain NAME        SPIFFE trust domain (default cluster.local)
  --api-address IP           API, console and metrics (default 127.0.0.1)
  --api-port PORT            0 picks a free one (default 15014)
  --xds-address IP           xDS and CA for sidecars (default 127.0.0.1)
  --xds-port PORT            0 picks a free one (default 15012)
  --webhook-port PORT        injection webhook; 0 picks a free one, -1 is off (default -1)
  --log-level LEVEL          debug, info, warn, error, off (default info)
  --trace-retention-hours N  how long traces are kept (default 24)
  --exit-with-parent         end when standard input is closed
  --defaults                 print what holds in a mesh that says nothing, as JSON
`;

const options = {
  'state-dir': { type: 'string' },
  'config-dir': { type: 'string', multiple: true },
  'trust-domain': { type: 'string', default: 'cluster.local' },
  'api-address': { type: 'string', default: '127.0.0.1' },
  'api-port': { type: 'string', default: '15014' },
  'xds-address': { type: 'string', default: '127.0.0.1' },
  'xds-port': { type: 'string', default: '15012' },
  'webhook-port': { type: 'string', default: '-1' },
  'log-level': { type: 'string', default: 'info' },
  'trace-retention-hours': { type: 'string', default: '24' },
  'exit-with-parent': { type: 'boolean', default: false },
  defaults: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

const logLevels = ['debug', 'info', 'warn', 'error', 'off'];

/** Reads the command line and lists everything that is wrong with it; binds and writes nothing. */
export function parseFlags(argv: readonly string[]): ParsedFlags {
  const { values, tokens } = parseArgs({ args: [...argv], options, strict: false, tokens: true });
  if (values.help === true) return { kind: 'help' };
  if (values.defaults === true) return { kind: 'defaults' };
  const problems: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') problems.push(`unexpected argument ${JSON.stringify(token.value)}`);
    if (token.kind !== 'option') continue;
    const known = Object.hasOwn(options, token.name) ? options[token.name as keyof typeof options] : undefined;
    if (known === undefined) problems.push(`unknown flag ${token.rawName}`);
    else if (known.type === 'string' && (token.value === undefined || token.value.startsWith('--'))) {
      problems.push(`${token.rawName} needs a value`);
    } else if (known.type === 'boolean' && token.value !== undefined) problems.push(`${token.rawName} takes no value`);
  }
  const text = (name: keyof typeof options): string => {
    const value = values[name];
    return typeof value === 'string' ? value : '';
  };
  const flags: ControlPlaneFlags = {
    stateDir: text('state-dir'),
    configDirs: (values['config-dir'] ?? []).filter((item) => typeof item === 'string'),
    trustDomain: text('trust-domain'),
    apiAddress: text('api-address'),
    apiPort: Number(text('api-port')),
    xdsAddress: text('xds-address'),
    xdsPort: Number(text('xds-port')),
    webhookPort: Number(text('webhook-port')),
    logLevel: text('log-level') as LogLevel,
    traceRetentionHours: Number(text('trace-retention-hours')),
    exitWithParent: values['exit-with-parent'] === true,
  };
  problems.push(...checkFlags(flags, text));
  return problems.length > 0 ? { kind: 'invalid', problems } : { kind: 'run', flags };
}

function checkFlags(flags: ControlPlaneFlags, text: (name: keyof typeof options) => string): string[] {
  const problems: string[] = [];
  if (flags.stateDir === '') problems.push('--state-dir is required');
  for (const directory of flags.configDirs) {
    if (!fs.statSync(directory, { throwIfNoEntry: false })?.isDirectory()) {
      problems.push(`--config-dir ${directory} is not a directory`);
    }
  }
  if (!/^[a-z0-9](?:[-a-z0-9._]{0,253}[a-z0-9])?$/.test(flags.trustDomain)) {
    problems.push(`--trust-domain ${JSON.stringify(flags.trustDomain)} is not a SPIFFE trust domain`);
  }
  for (const name of ['api-address', 'xds-address'] as const) {
    if (net.isIP(text(name)) === 0) problems.push(`--${name} ${JSON.stringify(text(name))} is not an IP address`);
  }
  for (const name of ['api-port', 'xds-port', 'webhook-port'] as const) {
    const off = name === 'webhook-port' && text(name) === '-1';
    const valid = /^\d{1,5}$/.test(text(name)) && Number(text(name)) <= 65_535;
    if (!off && !valid) problems.push(`--${name} ${JSON.stringify(text(name))} is not a port`);
  }
  if (!logLevels.includes(flags.logLevel)) {
    problems.push(`--log-level ${JSON.stringify(flags.logLevel)} must be one of ${logLevels.join(', ')}`);
  }
  if (!(flags.traceRetentionHours > 0 && flags.traceRetentionHours <= 8_760)) {
    problems.push('--trace-retention-hours must be more than 0 and at most 8760');
  }
  return problems;
}
