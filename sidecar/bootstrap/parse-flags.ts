import fs from 'node:fs';
import { isIP } from 'node:net';
import { availableParallelism } from 'node:os';
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { parseTrustBundle } from '../../certs/trust-bundle.ts';
import { checkOtlp, readAccessLog, readConcurrency, readLogLevel, readNumber } from './flag-values.ts';
import { hasBootstrap, type ParsedBootstrapFlags, parseBootstrapFlags } from './parse-bootstrap-flags.ts';
import { parsePort, parseUpstream } from './parse-port.ts';
import type { PortOption, SidecarOptions } from './sidecar-options.ts';

export type ParsedFlags = { kind: 'options'; options: SidecarOptions; exitWithParent: boolean } | ParsedBootstrapFlags;

const text = { type: 'string' } as const;
const list = { type: 'string', multiple: true } as const;

const flags = {
  help: { type: 'boolean', short: 'h' },
  defaults: { type: 'boolean' },
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
  concurrency: text,
  'drain-seconds': { ...text, default: '30' },
  'log-level': { ...text, short: 'l', default: 'info' },
  'exit-with-parent': { type: 'boolean' },
} as const satisfies ParseArgsOptionsConfig;

const dnsLabel = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const subdomain = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

/** Turns command-line flags into options, or lists everything that is wrong with them. */
export function parseFlags(argv: readonly string[]): ParsedFlags {
  if (hasBootstrap(argv)) return parseBootstrapFlags(argv);
  let values: ReturnType<typeof parse>;
  try {
    values = parse(argv);
  } catch (error) {
    return { kind: 'problems', problems: [error instanceof Error ? error.message : String(error)] };
  }
  if (values.help) return { kind: 'help' };
  if (values.defaults) return { kind: 'defaults' };
  const problems: string[] = [];
  const check = (good: boolean, problem: string): void => {
    if (!good) problems.push(problem);
  };
  const mode = values.mode === 'gateway' ? 'gateway' : 'sidecar';
  const { name = '', service = '', gateway } = values;
  if (values.mode === 'validate' || values.mode === 'serve') {
    return { kind: 'problems', problems: [`--mode ${values.mode} needs -c FILE, an Envoy bootstrap`] };
  }
  check(values.mode === mode, `--mode "${values.mode}": must be sidecar or gateway, or with -c serve or validate`);
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
    outboundPort: readNumber('outbound-port', values['outbound-port'], [-1, 65_535], problems, true),
    upstreams: (values.upstream ?? []).flatMap((spec) => parseUpstream(spec, problems)),
    gateway,
    controlPlane: values['control-plane'],
    trustBundlePem: readTrustBundle(values['trust-bundle'], problems),
    joinToken: readJoinToken(values['join-token'], values['join-token-file']),
    stateDir: values['state-dir'],
    adminPort: readNumber('admin-port', values['admin-port'], [-1, 65_535], problems, true),
    otlp: values.otlp,
    traceSampling: readNumber('trace-sample', values['trace-sample'], [0, 1], problems),
    accessLog: readAccessLog(
      values['access-log'],
      readNumber('access-log-sample', values['access-log-sample'], [0, 1], problems),
    ),
    concurrency: readConcurrency(values.concurrency, mode === 'gateway' ? availableParallelism() : 1, problems),
    drainSeconds: readNumber('drain-seconds', values['drain-seconds'], [0, 3_600], problems),
    logLevel: readLogLevel(values['log-level'], problems),
  };
  check(isHostPort(options.controlPlane), `--control-plane "${options.controlPlane}": must be <host>:<port>`);
  checkOtlp(options.otlp, problems);
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

function isHostPort(address: string): boolean {
  const port = Number(/^(?:\[[0-9a-fA-F:]+\]|[^:\s]+):(\d+)$/.exec(address)?.[1]);
  return port >= 1 && port <= 65_535;
}
