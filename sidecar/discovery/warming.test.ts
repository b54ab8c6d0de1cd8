import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { TimerWheel } from '../../lib/timer-wheel.ts';
import type { Sent } from '../../test/harness/ads-server.ts';
import { TestAuthority } from '../../test/harness/authority.ts';
import { until } from '../../test/harness/process.ts';
import { RecordingTarget } from '../../test/harness/recording-target.ts';
import {
  ads,
  assignment,
  certificateSecret,
  dnsCluster,
  edsCluster,
  httpFilter,
  listener,
  rdsListener,
  rootsSecret,
  routes,
  tcpListener,
  tlsSocket,
} from '../../test/harness/xds-resources.ts';
import { SecretStore } from '../identity/secret-store.ts';
import { configDump } from './config-dump.ts';
import { Discovery } from './discovery.ts';
import { type ResourceType, resourceTypeOf } from './type-urls.ts';
import { warmingMs } from './warming.ts';

let clock: FakeClock;
let wheel: TimerWheel;
let target: RecordingTarget;
let secrets: SecretStore;
let discovery: Discovery;

beforeEach(() => {
  clock = new FakeClock(Date.now());
  wheel = new TimerWheel(20, 512, clock);
  target = new RecordingTarget();
  secrets = new SecretStore();
  const common = { target, secrets, clock, wheel, log: silentLog };
  discovery = new Discovery({ localSecrets: new Set(['default']), trustDomain: 'cluster.local', ...common });
});

afterEach(() => {
  discovery.close();
  wheel.close();
});

async function accept(...sent: Sent[]): Promise<string[]> {
  const problems: string[] = [];
  for (const { name, version, typeUrl, bytes } of sent) {
    const resource = { name, version, resource: { typeUrl, value: Buffer.from(bytes) } } as never;
    problems.push(
      ...(await discovery.accept({
        type: resourceTypeOf(typeUrl) as ResourceType,
        resources: [resource],
        removed: [],
      })),
    );
  }
  return problems;
}

function pass(ms: number): void {
  clock.advance(ms);
  wheel.tick();
}

test('P-37: a table waits 15 s for a cluster that does not come, while the old one serves', async () => {
  await accept(edsCluster('a'), rdsListener('outbound', 0, 'table'));
  await accept(assignment('a', []), routes('table', ['a']));
  expect(target.take()).toEqual(['cluster a', 'endpoints a 0', 'table table', 'listener outbound']);
  await accept(routes('table', ['missing'], '2'));
  pass(warmingMs - 100);
  expect(target.take()).toEqual([]);
  pass(200);
  expect(target.take()).toEqual(['table table']);
});

test('P-37: tables and listeners wait until a cluster that looks up names has its first answer', async () => {
  await accept(dnsCluster('a', 'app.example'), rdsListener('outbound', 0, 'table'), routes('table', ['a']));
  await accept(tcpListener('relay', 0, 'a'));
  expect(target.take()).toEqual(['cluster a']);
  await accept(dnsCluster('a', 'other.example', '2'));
  const [superseded, awaited] = target.untilResolvedOf('a');
  superseded?.();
  await new Promise(setImmediate);
  expect(target.take()).toEqual(['cluster a']);
  awaited?.();
  await until(() => target.calls.length === 3, 'everything that waited');
  expect(target.take()).toEqual(['table table', 'listener outbound', 'listener relay']);
  // One that serves has addresses, and nothing waits for those of a new version.
  await accept(dnsCluster('a', 'third.example', '3'), routes('table', ['a', 'a'], '2'));
  expect(target.take()).toEqual(['cluster a', 'table table']);
});

test('P-37: a cluster whose endpoints do not come is applied without after 15 s', async () => {
  await accept(edsCluster('a'));
  pass(warmingMs - 100);
  expect(target.take()).toEqual([]);
  pass(200);
  expect(target.take()).toEqual(['cluster a']);
  await accept(assignment('a', ['10.0.0.1']));
  expect(target.take()).toEqual(['endpoints a 1']);
});

test('P-34: a listener never serves without its table, however long it takes, and says so', async () => {
  await accept(rdsListener('outbound', 0, 'table'));
  pass(warmingMs + 200);
  expect(target.take()).toEqual([]);
  expect(discovery.listeners()).toEqual([
    { name: 'outbound', state: 'failed', port: undefined, failure: 'warming-timeout: waits for table' },
  ]);
  await accept(routes('table', ['invalid-backend']));
  expect(target.take()).toEqual(['table table', 'listener outbound']);
});

test('the share of backends that do not exist holds nothing up', async () => {
  await accept(rdsListener('outbound', 0, 'table'), routes('table', ['invalid-backend']));
  expect(target.take()).toEqual(['table table', 'listener outbound']);
});

test('a listener that cannot be bound is tried again', async () => {
  target.unbindable.set('inbound|80', 'EADDRINUSE');
  await accept(tcpListener('inbound|80', 0, 'invalid-backend'));
  await until(() => discovery.listeners()[0]?.state === 'failed', 'the failure');
  target.unbindable.clear();
  pass(2_100);
  await until(() => discovery.listeners()[0]?.state === 'active', 'the listener');
});

test('a listener that leaves makes room for another on its port', async () => {
  await accept(tcpListener('old', 65_123, 'invalid-backend'));
  const { name, version, typeUrl, bytes } = tcpListener('new', 65_123, 'invalid-backend');
  target.take();
  const resource = { name, version, resource: { typeUrl, value: Buffer.from(bytes) } } as never;
  expect(await discovery.accept({ type: 'listener', resources: [resource], removed: ['old'] })).toEqual([]);
  expect(target.take()).toEqual(['-listener old', 'listener new']);
  expect(await accept(tcpListener('third', 65_123, 'invalid-backend'))).toEqual([
    'Listener "third": address: port 65123 belongs to listener "new"',
  ]);
});

test('XD-14: a certificate with another key, an expired one and a leaf as root are refused; keys are not quoted', async () => {
  const authority = await TestAuthority.create();
  const id = 'spiffe://cluster.local/ns/a/sa/b';
  const [one, two] = [await authority.issue(id), await authority.issue(id)];
  const old = await authority.issue(id, { notBefore: 0, notAfter: Date.now() - 1_000 });
  const chain = {
    transportSocket: tlsSocket('tls:a'),
    filters: [httpFilter({ rds: { routeConfigName: 't', configSource: ads } })],
  };
  await accept(listener('l', 0, [chain]));
  const problems = [
    ...(await accept(certificateSecret('tls:a', one.pem, two.keyPem))),
    ...(await accept(certificateSecret('tls:a', old.pem, old.keyPem))),
    ...(await accept(rootsSecret('ROOTCA', one.pem))),
  ];
  expect(problems.map((problem) => problem.replace(/expired .*/, 'expired'))).toEqual([
    'Secret "tls:a": tls_certificate.private_key: cannot be read, or is not the key of the certificate',
    'Secret "tls:a": tls_certificate.certificate_chain: expired',
    'Secret "ROOTCA": validation_context.trusted_ca: certificate 1: not a CA certificate',
  ]);
  expect(await accept(certificateSecret('tls:a', one.pem, one.keyPem))).toEqual([]);
  const dump = JSON.stringify(configDump(discovery));
  expect(dump).toMatch('[redacted]');
  expect(dump).not.toMatch('PRIVATE KEY');
});

test('the dump has the shape of Envoy: what is active, what is warming, and what was refused', async () => {
  await accept(edsCluster('warm'), edsCluster('cold'), assignment('warm', ['10.0.0.1']));
  await accept(edsCluster('warm', { lbPolicy: 'CLUSTER_PROVIDED' }, '2'));
  const { configs } = configDump(discovery) as { configs: Record<string, unknown>[] };
  expect(configs[0]).toMatchObject({
    '@type': 'type.googleapis.com/envoy.admin.v3.ClustersConfigDump',
    dynamic_active_clusters: [
      {
        version_info: '1',
        cluster: { name: 'warm', eds_cluster_config: { eds_config: { ads: {} } } },
        error_state: {
          version_info: '2',
          details: 'lb_policy: only ROUND_ROBIN, LEAST_REQUEST, RANDOM, RING_HASH and MAGLEV are supported',
        },
      },
    ],
    dynamic_warming_clusters: [{ cluster: { name: 'cold' } }],
  });
});
