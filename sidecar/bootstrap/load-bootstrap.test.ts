import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { formatFileProblem } from './config-text.ts';
import { type BootstrapSource, loadBootstrap } from './load-bootstrap.ts';
import { localData } from './local-data.ts';

const hcm = 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';

const front = `
admin: { address: { socket_address: { address: 127.0.0.1, port_value: 0 } } }
static_resources:
  listeners:
  - name: front
    address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
    filter_chains:
    - filters:
      - name: hcm
        typed_config:
          "@type": ${hcm}
          stat_prefix: front
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: { prefix: / }
                route: { cluster: app }
  clusters:
  - name: app
    connect_timeout: 1s
    load_assignment:
      endpoints:
      - lb_endpoints:
        - endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: 8080 } } }
`;

function load(text: string, more: Partial<BootstrapSource> = {}) {
  const local = localData({ GREETING: 'hello' });
  return loadBootstrap({ file: 'envoy.yaml', text, nodeId: '', nodeCluster: '', local, now: 0, ...more });
}

function problems(text: string): string[] {
  const loaded = load(text);
  return loaded.ok ? [] : loaded.problems.map(formatFileProblem);
}

function temporaryFile(name: string, contents: string): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'heddle-bootstrap-'));
  onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, name);
  fs.writeFileSync(file, contents);
  return file;
}

test('a bootstrap is read in YAML, and in JSON with the other names of fields', () => {
  const yaml = load(front);
  expect(yaml.ok && yaml.value.admin).toEqual({ address: '127.0.0.1', port: 0 });
  expect(yaml.ok && yaml.value.resources.cluster.map(({ name }) => name)).toEqual(['app']);
  const json = load(JSON.stringify({ staticResources: { clusters: [{ name: 'app', connectTimeout: '1s' }] } }));
  expect(json.ok && json.value.resources.cluster.map(({ name }) => name)).toEqual(['app']);
});

test('CF-05: every problem is told at once, with its line, its field and what to do', () => {
  const broken = front
    .replace('stat_prefix: front', 'stat_prefix: front\n          proxy_100_continue: true')
    .replace('route: { cluster: app }', 'route: { cluster: appp, timeout: 0s }')
    .replace('connect_timeout: 1s', 'connect_timeout: 0s\n    upstream_bind_config: {source_address: {address: ::1}}');
  expect(problems(broken)).toEqual([
    'envoy.yaml:13:11  static_resources.listeners[0].filter_chains[0].filters[0].typed_config.proxy_100_continue  not supported  remove it; docs/envoy-compatibility.md lists what is supported',
    expect.stringMatching(
      /^envoy\.yaml:2[34]:\d+ {2}static_resources\.clusters\[0\]\.connect_timeout {2}must be above 0$/,
    ),
    expect.stringContaining('static_resources.clusters[0].upstream_bind_config  not supported'),
  ]);
});

test('a field that does not exist is told before anything is decoded', () => {
  expect(problems(front.replace('connect_timeout', 'conect_timeout'))).toEqual([
    'envoy.yaml:22:5  static_resources.clusters[0].conect_timeout  unknown field `conect_timeout`  did you mean `connect_timeout`?',
  ]);
});

test('a cluster or secret that nothing names is told where it is named', () => {
  expect(problems(front.replace('route: { cluster: app }', 'route: { cluster: appp }'))).toEqual([
    'envoy.yaml:19:35  static_resources.listeners[0].filter_chains[0].filters[0].typed_config.route_config.virtual_hosts[0].routes[0].route.cluster  no cluster is named "appp"  did you mean "app"?',
  ]);
  const rds = front.replace(
    / {10}route_config:[\s\S]*cluster: app }/,
    '          rds: { route_config_name: table, config_source: { ads: {} } }',
  );
  expect(problems(rds)[0]).toContain('rds.config_source.ads  there is no dynamic_resources.ads_config');
});

test('two of one name, and a second document, are refused', () => {
  const twice = front.replace('  clusters:\n', '  clusters:\n  - { name: app, connect_timeout: 1s }\n');
  expect(problems(twice)).toEqual([
    expect.stringContaining('static_resources.clusters[1].name  "app" is that of static_resources.clusters[0], too'),
  ]);
  expect(problems(`${front}---\na: 1\n`)[0]).toContain('one document is read, and here a second begins');
  expect(problems('')).toEqual(['envoy.yaml:1:1  the file is empty']);
});

test('what is passed over is noted with the reason', () => {
  const loaded = load(front.replace('stat_prefix: front', 'stat_prefix: front\n          generate_request_id: true'));
  expect(loaded.ok && loaded.value.notes.map(formatFileProblem)).toEqual([
    'envoy.yaml:13:32  static_resources.listeners[0].filter_chains[0].filters[0].typed_config.generate_request_id  is passed over: a request always has an id',
  ]);
});

test('flags name the node, and a stream needs its name', () => {
  const ads = `
dynamic_resources:
  ads_config:
    api_type: DELTA_GRPC
    grpc_services: [{ envoy_grpc: { cluster_name: xds } }]
  cds_config: { ads: {} }
static_resources:
  clusters: [{ name: xds, connect_timeout: 1s }]
`;
  expect(problems(ads)).toEqual([expect.stringContaining('node  id and cluster must be set for ads_config')]);
  const named = load(ads, { nodeId: 'edge-1', nodeCluster: 'edge' });
  expect(named.ok && named.value).toMatchObject({
    node: { id: 'edge-1', cluster: 'edge' },
    ads: { cluster: 'xds', form: 'delta' },
    sources: { cluster: { kind: 'ads' }, listener: undefined },
  });
  expect(problems(ads.replace('cluster_name: xds', 'cluster_name: other'))).toContainEqual(
    expect.stringContaining('"other" is not among static_resources.clusters'),
  );
});

test('CF-12: a folder, a device or a file that is too large is not read', () => {
  const secret = (file: string) =>
    `static_resources: { secrets: [{ name: s, validation_context: { trusted_ca: { filename: ${file} } } }] }`;
  expect(problems(secret('/tmp'))).toEqual([
    expect.stringContaining('trusted_ca.filename  /tmp is not a regular file'),
  ]);
  expect(problems(secret('/dev/zero'))).toEqual([expect.stringContaining('/dev/zero is not a regular file')]);
  expect(problems(secret('/nowhere'))).toEqual([expect.stringContaining('ENOENT')]);
  const large = temporaryFile('large', 'x'.repeat(5 * 1024 * 1024));
  expect(problems(secret(large))).toEqual([expect.stringContaining('at most 4194304 are read')]);
});

test('CF-15: a body is read from a file or a variable only when it is named as such', () => {
  const file = temporaryFile('body', 'from a file');
  const respond = (body: string) =>
    front.replace('route: { cluster: app }', `direct_response: { status: 200, body: { ${body} } }`);
  expect(problems(respond(`filename: ${file}`))).toEqual([]);
  expect(problems(respond('environment_variable: GREETING'))).toEqual([]);
  expect(problems(respond('environment_variable: MISSING'))).toEqual([expect.stringContaining('MISSING is not set')]);
  expect(problems(respond(`inline_string: "$\{GREETING}"`))).toEqual([]);
});

test('files of resources are checked too, and their problems have their own places', () => {
  const clusters = temporaryFile(
    'cds.yaml',
    `resources:
- "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster
  name: app
  connect_timeout: 0s
`,
  );
  const text = `dynamic_resources: { cds_config: { path_config_source: { path: ${clusters} } } }`;
  expect(problems(text)).toEqual([`${clusters}:4:20  resources[0].connect_timeout  must be above 0`]);
});
