import { expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { injectText } from './inject-text.ts';
import { defaultInjectOptions as options } from './options.ts';

const deployment = `# The front page.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web   # keep me
spec:
  replicas: 2
  template:
    metadata:
      labels: { app: "web" }
    spec:
      serviceAccountName: web
      # The application itself.
      containers:
        - name: web
          image: 'web:1' # quoted
          command: [ "run",   "it" ]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data:
  text: |
    kind: Pod
`;

/** The lines of `after` that are those of `before`, in their order. */
function keptLines(before: string, after: string): string[] {
  const rest = before.split('\n');
  return after.split('\n').filter((line) => line === rest[0] && rest.shift() !== undefined);
}

interface PodTemplate {
  metadata: { annotations: Record<string, string> };
  spec: {
    initContainers: { name: string; restartPolicy?: string }[];
    volumes: { name: string }[];
    containers: { name: string }[];
  };
}

test('a Deployment gets a native sidecar and the interception container; every other byte stays', () => {
  const result = injectText(deployment, options);
  expect(result.reports.map(({ object, outcome, line }) => [object, outcome, line])).toEqual([
    ['deployment "web"', 'injected', 2],
    ['configmap "settings"', 'not-a-workload', 19],
  ]);
  expect(keptLines(deployment, result.text).join('\n')).toBe(deployment);
  expect(result.text).toContain('# The application itself.\n      containers:');
  const pod = (parseAllDocuments(result.text)[0]!.toJS() as { spec: { template: PodTemplate } }).spec.template;
  expect(pod.spec.initContainers.map(({ name, restartPolicy }) => [name, restartPolicy])).toEqual([
    ['heddle-init', undefined],
    ['heddle-proxy', 'Always'],
  ]);
  expect(pod.spec.volumes.map(({ name }) => name)).toEqual(['heddle-state', 'heddle-trust-bundle', 'heddle-token']);
  expect(pod.spec.containers).toHaveLength(1);
  expect(pod.metadata.annotations['heddle.dev/status']).toContain('heddle-proxy');
});

test('injecting twice is injecting once', () => {
  const once = injectText(deployment, options).text;
  const twice = injectText(once, options);
  expect(twice.text).toBe(once);
  expect(twice.reports[0]).toMatchObject({ outcome: 'skipped', detail: 'already injected' });
});

const podSpec = 'containers: [{name: a, image: b}]';
test.each([
  ['Pod', `{apiVersion: v1, kind: Pod, metadata: {name: x}, spec: {${podSpec}}}`, []],
  ['Job', `kind: Job\nmetadata:\n  name: x\nspec:\n  template:\n    spec:\n      ${podSpec}\n`, ['spec', 'template']],
  [
    'StatefulSet',
    `kind: StatefulSet\nmetadata: {name: x}\nspec:\n  template:\n    metadata:\n      annotations:\n    spec: {${podSpec}}\n`,
    ['spec', 'template'],
  ],
  [
    'DaemonSet',
    `kind: DaemonSet\nmetadata: {name: x}\nspec:\n  template:\n    metadata:\n      annotations:\n        a/b: c\n    spec:\n      initContainers:\n      # first of mine\n      - name: first\n        image: i\n      volumes: []\n      ${podSpec}\n`,
    ['spec', 'template'],
  ],
  [
    'CronJob',
    `kind: CronJob\r\nmetadata:\r\n  name: x\r\nspec:\r\n  jobTemplate:\r\n    spec:\r\n      template:\r\n        spec:\r\n          ${podSpec}\r\n`,
    ['spec', 'jobTemplate', 'spec', 'template'],
  ],
  [
    'Deployment',
    JSON.stringify(
      { kind: 'Deployment', metadata: { name: 'x' }, spec: { template: { spec: { containers: [{ name: 'a' }] } } } },
      undefined,
      2,
    ),
    ['spec', 'template'],
  ],
  [
    'List',
    `kind: List\nitems:\n- kind: Pod\n  metadata:\n    name: x\n  spec:\n    ${podSpec}\n- kind: Service\n  metadata: {name: s}\n`,
    ['items', '0'],
  ],
])('%s: the additions arrive where its pod is', (_kind, text, path) => {
  const result = injectText(text, options);
  expect(result.reports.filter(({ outcome }) => outcome === 'injected')).toHaveLength(1);
  let pod = parse(result.text) as Record<string, unknown>;
  for (const step of path) pod = pod[step] as Record<string, unknown>;
  const { spec, metadata } = pod as unknown as PodTemplate;
  expect(spec.initContainers.slice(0, 2).map(({ name }) => name)).toEqual(['heddle-init', 'heddle-proxy']);
  expect(spec.volumes).toHaveLength(3);
  expect(spec.containers).toHaveLength(1);
  expect(metadata.annotations['heddle.dev/status']).toBeDefined();
  expect(injectText(result.text, options).text).toBe(result.text);
  if (text.includes('\r\n')) expect(result.text.replaceAll('\r\n', '')).not.toContain('\n');
  if (text.includes('# first of mine')) {
    expect(result.text).toContain('      # first of mine\n      - name: first');
    expect(spec.initContainers).toHaveLength(3);
    expect(metadata.annotations['a/b']).toBe('c');
  }
});

test('WH-05: hostile or unknown annotations are refused by name and nothing is changed', () => {
  for (const annotation of [
    'config.heddle.dev/proxy-image: evil.example/proxy:1',
    'config.heddle.dev/proxy-image: "ghcr.io/heddle/proxy:1\\n  privileged: true"',
    'config.heddle.dev/proxy-cpu-request: "1; rm -rf /"',
    'config.heddle.dev/skip-outbound-ports: "0"',
    'config.heddle.dev/command: sh',
    'config.heddle.dev/__proto__: x',
    'heddle.dev/injekt: enabled',
  ]) {
    const text = `kind: Pod\nmetadata:\n  name: x\n  annotations:\n    ${annotation}\nspec:\n  containers: []\n`;
    const result = injectText(text, options);
    expect(result.reports[0]).toMatchObject({ outcome: 'refused' });
    expect(result.reports[0]?.detail).toContain(annotation.split(':')[0]);
    expect(result.text).toBe(text);
  }
});

test('WH-06: what must not have a sidecar is skipped with the reason', () => {
  const pod = (spec: string, metadata = '') =>
    `kind: Pod\nmetadata:\n  name: x\n${metadata}spec:\n  ${spec}\n  containers: []\n`;
  const reason = (text: string) => injectText(text, options).reports[0];
  expect(reason(pod('hostNetwork: true'))).toMatchObject({
    outcome: 'skipped',
    detail: expect.stringContaining('hostNetwork'),
  });
  expect(reason(pod('os: {name: windows}'))).toMatchObject({
    outcome: 'skipped',
    detail: expect.stringContaining('Linux'),
  });
  expect(reason(pod('nodeName: a', '  namespace: kube-system\n'))).toMatchObject({ outcome: 'skipped' });
  expect(reason(pod('nodeName: a', '  labels: {heddle.dev/inject: "false"}\n'))).toMatchObject({ outcome: 'skipped' });
});

test('an alias in the way is refused with what to do', () => {
  const text = 'base: &s {containers: []}\nkind: Pod\nmetadata: {name: x}\nspec: *s\n';
  expect(injectText(text, options).reports[0]).toMatchObject({
    outcome: 'refused',
    detail: expect.stringContaining('alias'),
  });
});
