import fs from 'node:fs';
import { isIP } from 'node:net';
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { parseTrustBundle } from '../../certs/trust-bundle.ts';
import type { LogLevel } from '../../lib/log.ts';
import { parsePort, parseUpstream } from './parse-port.ts';
import type { PortOption, SidecarOptions } from './sidecar-options.ts';

export type ParsedFlags =
  | { kind: 'options'; options: SidecarOptions; exitWithParent: boolean }
  | { kind: 'help' }
  | { kind: 'problems'; problems: readonly string[] };

const text = { type: 'string' } as const;
const list = { type: 'string', multiple: true } as const;

const flags = {
  help: { type: 'boolean', short: 'h' },
  mode: { ...text, default: 'sidecar' },
  name: text,
  namespace: { ...text, default: 'default' },
  'service-account': text,
  label: list,
  service: text,
  port: list,
  'inbound-port': list,
  address: { ...text, default: '127.0.0.1' },
  'outbound-port': { ...text, default: '15001' },
  upstream: list,
  gateway: text,
  'control-plane': { ...text, default: '127.0.0.1:15012' },
  'trust-bundle': text,
  'join-token-file': text,
  'join-token': text,
  'state-dir': text,
  'admin-port': { ...text, default: '15000' },
  otlp: { ...text, default: 'http://127.0.0.1:15014' },
  'trace-sample': { ...text, default: '1' },
  'access-log': { ...text, default: 'off' },
  'access-log-sample': { ...text, default: '1' },
  'drain-seconds': { ...text, default: '30' },
  'log-level': { ...text, default: 'info' },
  'exit-with-parent': { type: 'boolean' },
} as const satisfies ParseArgsOptionsConfig;

const dnsLabel = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const subdomain = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

/** Turns command-line flags into options, or lists everything that is wrong with them. */
export function parseFlags(argv: readonly string[]): ParsedFlags {
  let values: ReturnType<typeof parse>;
  try {
    values = parse(argv);
  } catch (error) {
    return { kind: 'problems', problems: [error instanceof Error ? error.message : String(error)] };
  }
  if (values.help) return { kind: 'help' };
  const problems: string[] = [];
  const check = (good: boolean, problem: string): void => {
    if (!good) problems.push(problem);
  };
  const mode = values.mode === 'gateway' ? 'gateway' : 'sidecar';
  const { name = '', service = '', gateway } = values;
  check(values.mode === mode, `--mode "${values.mode}": must be sidecar or gateway`);
  check(name !== '', '--name is missing');
  check(name === '' || dnsLabel.test(name), `--name "${name}": must be a lower-case DNS label`);
  check(dnsLabel.test(values.namespace), `--namespace "${values.namespace}": must be a lower-case DNS label`);
  check(service === '' || dnsLabel.test(service), `--service "${service}": must be a lower-case DNS label`);
  const serviceAccount = values['service-account'] ?? (service === '' ? 'default' : service);
  check(subdomain.test(serviceAccount), `--service-account "${serviceAccount}": must be a lower-case DNS name`);
  check(isIP(values.address) !== 0, `--address "${values.address}": must be an IP address`);
  if (mode === 'gateway') {
    check(gateway !== undefined, '--gateway is missing, as <namespace>/<name>; --mode gateway needs it');
    check(/^[^/]+\/[^/]+$/.test(gateway ?? 'a/b'), `--gateway "${gateway}": must be <namespace>/<name>`);
    check((values.port ?? []).length === 0, '--port belongs to --mode sidecar; a gateway has the ports of its Gateway');
    check((values.upstream ?? []).length === 0, '--upstream belongs to --mode sidecar');
  } else check(gateway === undefined, '--gateway needs --mode gateway');
  const options: SidecarOptions = {
    mode,
    name,
    namespace: values.namespace,
    serviceAccount,
    labels: readLabels(values.label ?? [], problems),
    service,
    ports: readPorts(values.port ?? [], values['inbound-port'] ?? [], problems),
    address: values.address,
    outboundPort: number('outbound-port', values, -1, 65_535, problems),
    upstreams: (values.upstream ?? []).flatMap((spec) => parseUpstream(spec, problems)),
    gateway,
    controlPlane: values['control-plane'],
    trustBundlePem: readTrustBundle(values['trust-bundle'], problems),
    joinToken: readJoinToken(values['join-token'], values['join-token-file']),
    stateDir: values['state-dir'],
    adminPort: number('admin-port', values, -1, 65_535, problems),
    otlp: values.otlp,
    traceSampling: number('trace-sample', values, 0, 1, problems),
    accessLog: readAccessLog(values['access-log'], number('access-log-sample', values, 0, 1, problems)),
    drainSeconds: number('drain-seconds', values, 0, 3_600, problems),
    logLevel: values['log-level'] as LogLevel,
  };
  const levels = ['debug', 'info', 'warn', 'error', 'off'];
  check(levels.includes(options.logLevel), `--log-level "${options.logLevel}": must be one of ${levels.join(', ')}`);
  check(isHostPort(options.controlPlane), `--control-plane "${options.controlPlane}": must be <host>:<port>`);
  check(
    options.otlp === '' || /^https?:$/.test(urlProtocol(options.otlp)),
    `--otlp "${options.otlp}": must be an http:// or https:// URL, or empty`,
  );
  check(
    values['join-token'] === undefined || values['join-token-file'] === undefined,
    '--join-token and --join-token-file exclude each other',
  );
  if (problems.length > 0) return { kind: 'problems', problems };
  return { kind: 'options', options, exitWithParent: values['exit-with-parent'] ?? false };
}

function parse(argv: readonly string[]) {
  // `-1` is a value here, not a flag of its own.
  const args = argv.flatMap((arg, index) => (arg === '-1' ? [] : [argv[index + 1] === '-1' ? `${arg}=-1` : arg]));
  return parseArgs({ args, options: flags, strict: true, allowPositionals: false }).values;
}

type Values = ReturnType<typeof parse>;
type NumberFlag = 'outbound-port' | 'admin-port' | 'trace-sample' | 'access-log-sample' | 'drain-seconds';

function number(flag: NumberFlag, values: Values, least: number, most: number, problems: string[]): number {
  const value = Number(values[flag]);
  const whole = flag.endsWith('-port');
  if (values[flag].trim() === '' || !(value >= least && value <= most) || (whole && !Number.isInteger(value))) {
    problems.push(`--${flag} "${values[flag]}": must be a${whole ? ' whole' : ''} number from ${least} to ${most}`);
  }
  return value;
}

function readPorts(specs: readonly string[], inbound: readonly string[], problems: string[]): PortOption[] {
  if (inbound.length > specs.length) {
    problems.push(`--inbound-port is given ${inbound.length} times, but --port ${specs.length} times`);
  }
  const ports = specs.flatMap((spec, index) => {
    const inboundPort = Number(inbound[index] ?? 0);
    if (!Number.isInteger(inboundPort) || inboundPort < 0 || inboundPort > 65_535) {
      problems.push(`--inbound-port "${inbound[index]}": must be a port, or 0 for a free one`);
    }
    return parsePort(spec, inboundPort, problems);
  });
  for (const key of ['appPort', 'name'] as const) {
    const seen = new Set<unknown>();
    for (const port of ports) {
      if (seen.has(port[key])) problems.push(`--port: ${key === 'name' ? 'name' : 'port'} "${port[key]}" twice`);
      seen.add(port[key]);
    }
  }
  return ports;
}

function readLabels(specs: readonly string[], problems: string[]): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const spec of specs) {
    const [, key, value] = /^([^=\s]+)=(\S*)$/.exec(spec) ?? [];
    if (key === undefined || value === undefined) problems.push(`--label "${spec}": must be <key>=<value>`);
    else labels[key] = value;
  }
  return labels;
}

function readTrustBundle(file: string | undefined, problems: string[]): string {
  if (file === undefined) {
    problems.push('--trust-bundle is missing: the file with the roots of the trust domain');
    return '';
  }
  try {
    const pem = fs.readFileSync(file, 'utf8');
    const bundle = parseTrustBundle(pem);
    if (!bundle.ok) problems.push(`--trust-bundle ${file}: ${bundle.detail}`);
    return pem;
  } catch (error) {
    problems.push(`--trust-bundle ${file}: ${error instanceof Error ? error.message : String(error)}`);
    return '';
  }
}

function readJoinToken(token: string | undefined, file: string | undefined): () => string | undefined {
  if (file === undefined) return () => token;
  return () => {
    try {
      return fs.readFileSync(file, 'utf8').trim();
    } catch {
      return undefined;
    }
  };
}

function readAccessLog(target: string, sample: number): SidecarOptions['accessLog'] {
  if (target === 'off') return undefined;
  return { target: target === '-' ? 'stdout' : target, sample };
}

function isHostPort(address: string): boolean {
  const port = Number(/^(?:\[[0-9a-fA-F:]+\]|[^:\s]+):(\d+)$/.exec(address)?.[1]);
  return port >= 1 && port <= 65_535;
}

function urlProtocol(url: string): string {
  return URL.canParse(url) ? new URL(url).protocol : '';
}
