import type { InjectOptions } from './options.ts';

/** What a pod may say about its sidecar, by annotation. Anything else under these prefixes is refused by name. */
export interface PodSettings {
  image: string;
  cpuRequest: string;
  memoryRequest: string;
  cpuLimit: string | undefined;
  memoryLimit: string | undefined;
  skipOutboundPorts: string;
  skipInboundPorts: string;
  logLevel: string;
  accessLog: boolean;
  traceSample: string;
}

const prefix = 'config.heddle.dev/';
const known = ['heddle.dev/inject', 'heddle.dev/status', 'heddle.dev/skip-reason'];

const quantity = /^\d{1,9}(\.\d{1,3})?(m|k|Ki|M|Mi|G|Gi)?$/;
const ports = /^(\d{1,5}(-\d{1,5})?)(,\d{1,5}(-\d{1,5})?){0,63}$/;
const image =
  /^[a-z0-9][a-z0-9._-]*(:\d{1,5})?(\/[a-z0-9][a-z0-9._-]*)+(:[A-Za-z0-9._-]{1,128})?(@sha256:[0-9a-f]{64})?$/;

interface Rule {
  description: string;
  valid(value: string): boolean;
}

const validPorts = (value: string): boolean =>
  value === '' ||
  (ports.test(value) && value.split(/[,-]/).every((port) => Number(port) >= 1 && Number(port) <= 65_535));

const rules: Readonly<Record<string, Rule>> = {
  'proxy-image': { description: 'an image name', valid: (value) => image.test(value) },
  'proxy-cpu-request': { description: 'a quantity such as 100m', valid: (value) => quantity.test(value) },
  'proxy-cpu-limit': { description: 'a quantity such as 1', valid: (value) => quantity.test(value) },
  'proxy-memory-request': { description: 'a quantity such as 64Mi', valid: (value) => quantity.test(value) },
  'proxy-memory-limit': { description: 'a quantity such as 256Mi', valid: (value) => quantity.test(value) },
  'skip-outbound-ports': { description: 'ports and ranges such as 3306,6000-6010', valid: validPorts },
  'skip-inbound-ports': { description: 'ports and ranges such as 9090', valid: validPorts },
  'log-level': {
    description: 'debug, info, warn, error or off',
    valid: (value) => /^(debug|info|warn|error|off)$/.test(value),
  },
  'access-log': { description: 'true or false', valid: (value) => /^(true|false)$/.test(value) },
  'trace-sample': {
    description: 'a share from 0 to 1',
    valid: (value) => /^(0(\.\d{1,6})?|1(\.0{1,6})?)$/.test(value),
  },
};

const registryOf = (name: string): string => name.slice(0, name.lastIndexOf('/') + 1);

/** Reads the settings off a pod's annotations; `problems` names each one that is unknown or malformed. */
export function readAnnotations(
  annotations: Readonly<Record<string, string>>,
  options: InjectOptions,
): { settings: PodSettings; problems: string[] } {
  const problems: string[] = [];
  const values = new Map<string, string>();
  for (const [name, value] of Object.entries(annotations)) {
    if (!name.startsWith(prefix)) {
      if (/(^|\.)heddle\.dev\//.test(name) && !known.includes(name)) problems.push(`annotation ${name} is not known`);
      continue;
    }
    const key = name.slice(prefix.length);
    const rule = Object.hasOwn(rules, key) ? rules[key] : undefined;
    if (rule === undefined) {
      problems.push(
        `annotation ${name} is not known; known are ${Object.keys(rules)
          .map((each) => prefix + each)
          .join(', ')}`,
      );
    } else if (!rule.valid(value)) {
      problems.push(`annotation ${name}: ${JSON.stringify(value.slice(0, 80))} is not ${rule.description}`);
    } else {
      values.set(key, value);
    }
  }

  const chosen = values.get('proxy-image');
  const allowed = [registryOf(options.image), ...options.imageRegistries];
  if (
    chosen !== undefined &&
    !allowed.some((registry) => chosen.startsWith(registry.endsWith('/') ? registry : `${registry}/`))
  ) {
    problems.push(
      `annotation ${prefix}proxy-image: ${JSON.stringify(chosen)} is from none of the registries ${allowed.join(', ')}`,
    );
    values.delete('proxy-image');
  }

  return {
    settings: {
      image: values.get('proxy-image') ?? options.image,
      cpuRequest: values.get('proxy-cpu-request') ?? '50m',
      memoryRequest: values.get('proxy-memory-request') ?? '80Mi',
      cpuLimit: values.get('proxy-cpu-limit'),
      memoryLimit: values.get('proxy-memory-limit'),
      skipOutboundPorts: values.get('skip-outbound-ports') ?? '',
      skipInboundPorts: values.get('skip-inbound-ports') ?? '',
      logLevel: values.get('log-level') ?? 'info',
      accessLog: values.get('access-log') === 'true',
      traceSample: values.get('trace-sample') ?? '1',
    },
    problems,
  };
}
