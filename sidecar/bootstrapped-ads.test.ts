import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AggregatedDiscoveryServiceService } from '../proto/gen/envoy/service/discovery/v3/ads.ts';
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryResponse,
  type DiscoveryRequest,
  DiscoveryResponse,
} from '../proto/gen/envoy/service/discovery/v3/discovery.ts';
import type { Sent } from '../test/harness/ads-server.ts';
import { makeServerCertificate } from '../test/harness/certificates.ts';
import { Program, root, until } from '../test/harness/process.ts';
import { edsCluster, rdsListener, routes, staticCluster } from '../test/harness/xds-resources.ts';
import { typeUrls } from './discovery/type-urls.ts';

let folder: string;
let app: http.Server;
let appPort: number;
let server: Server;
let serverPort: number;
let program: Program | undefined;
const requests: DiscoveryRequest[] = [];
const deltaRequests: DeltaDiscoveryRequest[] = [];
let stream: ServerDuplexStream<DiscoveryRequest, DiscoveryResponse> | undefined;
let delta: ServerDuplexStream<DeltaDiscoveryRequest, DeltaDiscoveryResponse> | undefined;

beforeEach(async () => {
  requests.length = 0;
  deltaRequests.length = 0;
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'heddle-bootstrapped-ads-'));
  app = http.createServer((request, response) => response.end(`app saw ${request.url}`));
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
  appPort = (app.address() as AddressInfo).port;
  server = new Server();
  server.addService(AggregatedDiscoveryServiceService, {
    streamAggregatedResources: (call: typeof stream & object) => {
      stream = call;
      call.on('data', (request: DiscoveryRequest) => requests.push(request));
      call.on('error', () => {});
    },
    deltaAggregatedResources: (call: typeof delta & object) => {
      delta = call;
      call.on('data', (request: DeltaDiscoveryRequest) => deltaRequests.push(request));
      call.on('error', () => {});
    },
  });
  serverPort = await bind(ServerCredentials.createInsecure());
});

afterEach(async () => {
  await program?.stop();
  server.forceShutdown();
  app.closeAllConnections();
  app.close();
  fs.rmSync(folder, { recursive: true, force: true });
});

function bind(credentials: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', credentials, (error, port) => (error === null ? resolve(port) : reject(error))),
  );
}

async function start(apiType: 'GRPC' | 'DELTA_GRPC', more = ''): Promise<number> {
  const file = path.join(folder, 'envoy.yaml');
  fs.writeFileSync(
    file,
    `
node: { id: edge-1, cluster: edge, metadata: { role: front } }
admin: { address: { socket_address: { address: 127.0.0.1, port_value: 0 } } }
dynamic_resources:
  ads_config: { api_type: ${apiType}, grpc_services: [{ envoy_grpc: { cluster_name: xds } }] }
  cds_config: { ads: {} }
  lds_config: { ads: {} }
static_resources:
  clusters:
  - name: xds
    connect_timeout: 1s
    load_assignment:
      cluster_name: xds
      endpoints:
      - lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${serverPort} } } } }]
${more}`,
  );
  program = new Program('sidecar', process.execPath, [path.join(root, 'sidecar/main.ts'), '-c', file]);
  return (await program.ready<{ ports: { admin: number } }>()).ports.admin;
}

let nonce = 0;

/** Sends all resources of a type; answers the nonce. */
function send(version: string, ...resources: Sent[]): string {
  nonce++;
  const packed = resources.map(({ typeUrl, bytes }) => ({ typeUrl, value: Buffer.from(bytes) }));
  const typeUrl = resources[0]?.typeUrl ?? typeUrls.cluster;
  stream?.write(
    DiscoveryResponse.fromPartial({ typeUrl, versionInfo: version, nonce: `n${nonce}`, resources: packed }),
  );
  return `n${nonce}`;
}

const answerTo = (sent: string) => requests.find(({ responseNonce }) => responseNonce === sent);

async function listenerPort(admin: number): Promise<number | undefined> {
  const answer = await fetch(`http://127.0.0.1:${admin}/listeners`);
  return Number(/front::127\.0\.0\.1:(\d+)/.exec(await answer.text())?.[1] ?? 0) || undefined;
}

async function clusters(admin: number): Promise<string> {
  return await (await fetch(`http://127.0.0.1:${admin}/clusters`)).text();
}

test('a server that speaks state of the world is followed: everything of a type in each response', async () => {
  const admin = await start('GRPC');
  await until(() => requests.length >= 2, 'the first requests');
  expect(requests[0]?.node).toMatchObject({ id: 'edge-1', cluster: 'edge', userAgentName: 'heddle' });
  expect(requests.map(({ typeUrl, resourceNames }) => [typeUrl, resourceNames])).toEqual([
    [typeUrls.cluster, []],
    [typeUrls.listener, []],
  ]);
  const accepted = send('1', staticCluster('a', appPort), staticCluster('b', appPort));
  await until(() => answerTo(accepted) !== undefined, 'an ACK');
  expect(answerTo(accepted)).toMatchObject({ versionInfo: '1', errorDetail: undefined });
  send('1', rdsListener('front', 0, 'table'));
  await until(() => requests.some(({ resourceNames }) => resourceNames.includes('table')), 'a request for the table');
  send('1', routes('table', ['a', 'b']));
  await until(async () => (await listenerPort(admin)) !== undefined, 'the listener');
  const port = await listenerPort(admin);
  expect(await (await fetch(`http://127.0.0.1:${port}/a`)).text()).toBe('app saw /a');

  const refused = send(
    '2',
    staticCluster('a', appPort),
    edsCluster('xds'),
    edsCluster('c', { lbPolicy: 'CLUSTER_PROVIDED' }),
  );
  await until(() => answerTo(refused) !== undefined, 'a NACK');
  expect(answerTo(refused)).toMatchObject({ versionInfo: '1', errorDetail: { code: 3 } });
  expect(answerTo(refused)?.errorDetail?.message).toContain(
    'Cluster "xds": the proxy was started with one of this name',
  );
  expect(answerTo(refused)?.errorDetail?.message).toContain('Cluster "c": lb_policy');

  send('3', routes('table', ['a']));
  send('3', staticCluster('a', appPort));
  await until(async () => !(await clusters(admin)).includes('b::'), 'the cluster that was left out to go');
  expect(await clusters(admin)).toContain('xds::discovery::static');
});

test('a server that speaks delta is not told of what the proxy was started with', async () => {
  const admin = await start('DELTA_GRPC');
  await until(() => deltaRequests.length >= 2, 'the first requests');
  expect(deltaRequests.map(({ typeUrl, initialResourceVersions }) => [typeUrl, initialResourceVersions])).toEqual([
    [typeUrls.cluster, {}],
    [typeUrls.listener, {}],
  ]);
  const { name, version, typeUrl, bytes } = staticCluster('a', appPort);
  delta?.write(
    DeltaDiscoveryResponse.fromPartial({
      typeUrl,
      nonce: 'd1',
      resources: [{ name, version, resource: { typeUrl, value: Buffer.from(bytes) } }],
      removedResources: ['xds'],
    }),
  );
  await until(() => deltaRequests.some(({ responseNonce }) => responseNonce === 'd1'), 'an ACK');
  expect(await clusters(admin)).toContain('a::discovery::static');
  expect(await clusters(admin)).toContain('xds::discovery::static');
});

test.each([
  ['control.example', true],
  ['other.example', false],
])('over TLS, a server whose certificate is for control.example is taken for %s: %s', async (name, isTaken) => {
  const certificate = await makeServerCertificate('control.example');
  const pair = { private_key: Buffer.from(certificate.privateKeyPem), cert_chain: Buffer.from(certificate.chainPem) };
  serverPort = await bind(ServerCredentials.createSsl(null, [pair]));
  const roots = path.join(folder, 'roots.pem');
  fs.writeFileSync(roots, certificate.chainPem);
  await start(
    'DELTA_GRPC',
    `    transport_socket:
      name: tls
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
        sni: ${name}
        common_tls_context: { validation_context: { trusted_ca: { filename: ${roots} } } }
`,
  );
  if (isTaken) await until(() => deltaRequests.length >= 2, 'the first requests');
  else await until(() => program?.stderr.includes('no connection to the control plane') === true, 'the refusal');
  expect(deltaRequests.length > 0).toBe(isTaken);
});
