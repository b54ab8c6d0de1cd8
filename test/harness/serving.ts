import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { ChannelCredentials, type ServiceError } from '@grpc/grpc-js';
import { createCsr } from '../../certs/csr.ts';
import { derToPem } from '../../certs/trust-bundle.ts';
import { type Serving, startServing } from '../../control-plane/push/serving.ts';
import type { MeshSnapshot } from '../../control-plane/registry/mesh-snapshot.ts';
import type { RegisteredWorkload } from '../../control-plane/sources/registered-workload.ts';
import { testSnapshot } from '../../control-plane/translate/test-mesh.ts';
import { typeUrls } from '../../control-plane/xds/resource.ts';
import { AdsTestClient } from '../../control-plane/xds/test-client.ts';
import { systemClock } from '../../lib/clock.ts';
import { createLog } from '../../lib/log.ts';
import { Watch } from '../../lib/watch.ts';
import { Cluster } from '../../proto/gen/envoy/config/cluster/v3/cluster.ts';
import { ClusterLoadAssignment } from '../../proto/gen/envoy/config/endpoint/v3/endpoint.ts';
import { Listener } from '../../proto/gen/envoy/config/listener/v3/listener.ts';
import { RouteConfiguration } from '../../proto/gen/envoy/config/route/v3/route.ts';
import { Secret } from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/secret.ts';
import type { Any } from '../../proto/gen/google/protobuf/any.ts';
import { CertificateServiceClient, SignRequest, type SignResponse } from '../../proto/gen/heddle/ca/v1/ca.ts';

/** A certificate with its key, PEM. */
export interface TestIdentity {
  readonly cert: string;
  readonly key: string;
}

/** The served port with everything around it kept in memory, for tests. */
export class TestServing {
  readonly snapshots = new Watch<MeshSnapshot>(testSnapshot({}));
  readonly stateDir = fs.mkdtempSync(path.join(os.tmpdir(), 'heddle-serving-'));
  /** Join tokens that are good, each once. */
  readonly tokens = new Map<string, { namespace: string; serviceAccount: string }>();
  readonly registered = new Map<string, RegisteredWorkload>();
  readonly connected = new Map<string, boolean>();
  readonly logLines: Record<string, unknown>[] = [];
  readonly clients: AdsTestClient[] = [];
  #serving: Serving | undefined;
  #tokens = 0;

  static async start(): Promise<TestServing> {
    const test = new TestServing();
    await test.#start();
    return test;
  }

  get serving(): Serving {
    if (this.#serving === undefined) throw new Error('not started');
    return this.#serving;
  }

  /** Creates a join token. */
  token(serviceAccount: string, namespace = 'shop'): string {
    const token = `token-${++this.#tokens}`;
    this.tokens.set(token, { namespace, serviceAccount });
    return token;
  }

  /** Gets an SVID with a join token. */
  async join(serviceAccount: string, namespace = 'shop'): Promise<TestIdentity> {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    const answer = await this.sign({ csrDer: createCsr(privateKey), joinToken: this.token(serviceAccount, namespace) });
    return toIdentity(answer, privateKey);
  }

  /** Calls `Sign`, with or without a client certificate. */
  sign(request: Partial<SignRequest>, identity?: TestIdentity): Promise<SignResponse> {
    const client = new CertificateServiceClient(`127.0.0.1:${this.serving.port}`, this.credentials(identity), {
      'grpc.use_local_subchannel_pool': 1,
    });
    return new Promise<SignResponse>((resolve, reject) => {
      client.sign(SignRequest.fromPartial(request), (error: ServiceError | null, response: SignResponse) =>
        error === null ? resolve(response) : reject(error),
      );
    }).finally(() => client.close());
  }

  credentials(identity?: TestIdentity): ChannelCredentials {
    return ChannelCredentials.createFromSecureContext(
      tls.createSecureContext({ ca: this.serving.trustBundlePem, minVersion: 'TLSv1.3', ...identity }),
    );
  }

  /** An ADS client with that identity; its node says the same unless `metadata` says otherwise. */
  connect(
    identity: TestIdentity | undefined,
    node: { id: string; serviceAccount: string; metadata?: Record<string, unknown> },
    form: 'sotw' | 'delta' = 'delta',
  ): AdsTestClient {
    const client = new AdsTestClient({
      form,
      port: this.serving.port,
      credentials: this.credentials(identity),
      node: {
        id: node.id,
        metadata: {
          NAMESPACE: node.id.slice(node.id.lastIndexOf('.') + 1),
          SERVICE_ACCOUNT: node.serviceAccount,
          OUTBOUND_PORT: 15_001,
          ...node.metadata,
        },
      },
      nameOf: resourceName,
    });
    this.clients.push(client);
    return client;
  }

  async close(): Promise<void> {
    for (const client of this.clients) client.close();
    await this.serving.close();
    fs.rmSync(this.stateDir, { recursive: true });
  }

  async #start(): Promise<void> {
    this.#serving = await startServing({
      snapshots: this.snapshots,
      tokens: {
        redeem: (token) => {
          const account = this.tokens.get(token);
          this.tokens.delete(token);
          return account;
        },
      },
      registrations: {
        register: (workload) => void this.registered.set(`${workload.namespace}/${workload.name}`, workload),
        deregister: (namespace, name) => void this.registered.delete(`${namespace}/${name}`),
        setConnected: (namespace, name, connected) => void this.connected.set(`${namespace}/${name}`, connected),
      },
      stateDir: this.stateDir,
      trustDomain: 'cluster.local',
      address: '127.0.0.1',
      port: 0,
      clock: systemClock,
      log: createLog((line) => this.logLines.push(JSON.parse(line)), 'debug'),
    });
  }
}

export function toIdentity(answer: SignResponse, privateKey: KeyObject): TestIdentity {
  return {
    cert: answer.certificateChainDer.map(derToPem).join(''),
    key: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
  };
}

function resourceName({ typeUrl, value }: Any): string {
  switch (typeUrl) {
    case typeUrls.cluster:
      return Cluster.decode(value).name;
    case typeUrls.endpoint:
      return ClusterLoadAssignment.decode(value).clusterName;
    case typeUrls.listener:
      return Listener.decode(value).name;
    case typeUrls.route:
      return RouteConfiguration.decode(value).name;
    default:
      return Secret.decode(value).name;
  }
}
