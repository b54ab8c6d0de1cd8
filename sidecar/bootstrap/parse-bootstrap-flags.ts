import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import type { BootstrapOptions } from './bootstrap-options.ts';
import { checkOtlp, readAccessLog, readConcurrency, readLogLevel, readNumber } from './flag-values.ts';
import { readRegularFile } from './local-data.ts';

export type ParsedBootstrapFlags =
  | { kind: 'bootstrap'; options: BootstrapOptions; exitWithParent: boolean }
  | { kind: 'help' }
  | { kind: 'defaults' }
  | { kind: 'problems'; problems: readonly string[] };

const text = { type: 'string' } as const;

const flags = {
  help: { type: 'boolean', short: 'h' },
  'config-path': { ...text, short: 'c' },
  'config-yaml': text,
  mode: { ...text, default: 'serve' },
  'service-node': { ...text, default: '' },
  'service-cluster': { ...text, default: '' },
  'log-level': { ...text, short: 'l', default: 'info' },
  concurrency: text,
  'drain-time-s': text,
  'drain-seconds': { ...text, default: '30' },
  otlp: { ...text, default: '' },
  'trace-sample': { ...text, default: '1' },
  'access-log': { ...text, default: 'off' },
  'access-log-sample': { ...text, default: '1' },
  'exit-with-parent': { type: 'boolean' },
  // Of Envoy's hot restart, which there is none of.
  'base-id': text,
  'use-dynamic-base-id': { type: 'boolean' },
  'disable-hot-restart': { type: 'boolean' },
} as const satisfies ParseArgsOptionsConfig;

/** Whether the flags ask for a start from an Envoy bootstrap. */
export function hasBootstrap(argv: readonly string[]): boolean {
  return argv.some((arg) => /^(-c.*|--config-path(=.*)?|--config-yaml(=.*)?)$/.test(arg));
}

/** Turns the flags of `heddle sidecar -c FILE` into options, or lists everything that is wrong with them. */
export function parseBootstrapFlags(argv: readonly string[]): ParsedBootstrapFlags {
  let values: ReturnType<typeof parse>;
  try {
    values = parse(argv);
  } catch (error) {
    return { kind: 'problems', problems: [error instanceof Error ? error.message : String(error)] };
  }
  if (values.help) return { kind: 'help' };
  const problems: string[] = [];
  const { mode } = values;
  if (mode !== 'serve' && mode !== 'validate') {
    const hint = mode === 'sidecar' || mode === 'gateway' ? '; a bootstrap says itself what the proxy does' : '';
    problems.push(`--mode "${mode}": with -c it must be serve or validate${hint}`);
  }
  const { file, contents } = readConfig(values['config-path'], values['config-yaml'], problems);
  checkOtlp(values.otlp, problems);
  const sample = readNumber('access-log-sample', values['access-log-sample'], [0, 1], problems);
  const drain = values['drain-time-s'] === undefined ? 'drain-seconds' : 'drain-time-s';
  const options: BootstrapOptions = {
    file,
    text: contents,
    mode: mode === 'validate' ? 'validate' : 'serve',
    serviceNode: values['service-node'],
    serviceCluster: values['service-cluster'],
    otlp: values.otlp,
    traceSampling: readNumber('trace-sample', values['trace-sample'], [0, 1], problems),
    accessLog: readAccessLog(values['access-log'], sample),
    concurrency: readConcurrency(values.concurrency, 1, problems),
    drainSeconds: readNumber(drain, values[drain] ?? '', [0, 3_600], problems),
    logLevel: readLogLevel(values['log-level'], problems),
  };
  if (problems.length > 0) return { kind: 'problems', problems };
  return { kind: 'bootstrap', options, exitWithParent: values['exit-with-parent'] ?? false };
}

function parse(argv: readonly string[]) {
  return parseArgs({ args: [...argv], options: flags, strict: true, allowPositionals: false }).values;
}

function readConfig(
  file: string | undefined,
  yaml: string | undefined,
  problems: string[],
): { file: string; contents: string } {
  if (file !== undefined && yaml !== undefined) problems.push('-c and --config-yaml exclude each other');
  if (file === undefined) return { file: '--config-yaml', contents: yaml ?? '' };
  try {
    return { file, contents: readRegularFile(file).toString('utf8') };
  } catch (error) {
    problems.push(`-c ${file}: ${error instanceof Error ? error.message : String(error)}`);
    return { file, contents: '' };
  }
}
