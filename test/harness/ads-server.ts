import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { AggregatedDiscoveryServiceService } from '../../proto/gen/envoy/service/discovery/v3/ads.ts';
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryResponse,
} from '../../proto/gen/envoy/service/discovery/v3/discovery.ts';
import { CertificateServiceService, type SignRequest, type SignResponse } from '../../proto/gen/heddle/ca/v1/ca.ts';
import {
  type DeregisterRequest,
  type RegisterRequest,
  RegistrationServiceService,
} from '../../proto/gen/heddle/registration/v1/registration.ts';
import type { Issued } from './authority.ts';
import { until } from './process.ts';

type Unary<Request> = { request: Request };
type Done = (error: object | null, value?: unknown) => void;
type Call = ServerDuplexStream<DeltaDiscoveryRequest, DeltaDiscoveryResponse>;

/** A resource to send: any message with its codec. */
export interface Sent {
  name: string;
  version: string;
  typeUrl: string;
  bytes: Uint8Array;
}

/**
 * The other end of a proxy's connection, for tests of the protocol: records every request of every stream, and sends
 * what the test says. It answers nothing by itself.
 */
export class AdsServer {
  readonly #server: Server;
  readonly #calls: Call[] = [];
  /** All requests of all streams, in their order, with the number of the stream. */
  readonly requests: (DeltaDiscoveryRequest & { stream: number })[] = [];
  readonly registered: RegisterRequest[] = [];
  readonly deregistered: string[] = [];
  readonly signed: SignRequest[] = [];
  port = 0;
  #nonce = 0;
  sign: (request: SignRequest) => Promise<SignResponse> = () => Promise.reject(new Error('no CA here'));

  private constructor() {
    this.#server = new Server();
  }

  static async start(certificate: Issued, rootPem: string, port = 0): Promise<AdsServer> {
    const ads = new AdsServer();
    ads.#server.addService(AggregatedDiscoveryServiceService, {
      streamAggregatedResources: (call: ServerDuplexStream<unknown, unknown>) => call.end(),
      deltaAggregatedResources: (call: Call) => {
        const stream = ads.#calls.push(call) - 1;
        call.on('data', (request: DeltaDiscoveryRequest) => ads.requests.push({ ...request, stream }));
        call.on('end', () => call.end());
        call.on('error', () => {});
      },
    });
    ads.#server.addService(RegistrationServiceService, {
      register: (call: Unary<RegisterRequest>, done: Done) => {
        ads.registered.push(call.request);
        done(null, { $type: 'heddle.registration.v1.RegisterResponse' });
      },
      deregister: (call: Unary<DeregisterRequest>, done: Done) => {
        ads.deregistered.push(call.request.name);
        done(null, { $type: 'heddle.registration.v1.DeregisterResponse' });
      },
    });
    ads.#server.addService(CertificateServiceService, {
      sign: (call: Unary<SignRequest>, done: Done) => {
        ads.signed.push(call.request);
        ads.sign(call.request).then(
          (response) => done(null, response),
          (error: { code?: number; message: string }) => done({ code: error.code ?? 2, details: error.message }),
        );
      },
    });
    const credentials = ServerCredentials.createSsl(
      Buffer.from(rootPem),
      [{ private_key: Buffer.from(certificate.keyPem), cert_chain: Buffer.from(certificate.pem) }],
      false,
    );
    ads.port = await new Promise<number>((resolve, reject) => {
      ads.#server.bindAsync(`127.0.0.1:${port}`, credentials, (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
    return ads;
  }

  get streams(): number {
    return this.#calls.length;
  }

  /** Sends a response on the newest stream and answers its nonce. */
  send(typeUrl: string, resources: readonly Sent[], removed: readonly string[] = []): string {
    const nonce = `nonce-${++this.#nonce}`;
    const response = DeltaDiscoveryResponse.fromPartial({
      typeUrl,
      nonce,
      removedResources: [...removed],
      resources: resources.map(({ name, version, typeUrl: inner, bytes }) => ({
        name,
        version,
        resource: { typeUrl: inner, value: Buffer.from(bytes) },
      })),
    });
    this.#calls.at(-1)?.write(response);
    return nonce;
  }

  /** The answer to a nonce: an ACK or a NACK. */
  async answer(nonce: string): Promise<DeltaDiscoveryRequest> {
    await until(() => this.requests.some(({ responseNonce }) => responseNonce === nonce), `an answer to ${nonce}`);
    return this.requests.find(({ responseNonce }) => responseNonce === nonce)!;
  }

  /** The first request of the newest stream for a type. */
  async subscription(typeUrl: string): Promise<DeltaDiscoveryRequest> {
    const isWanted = (request: DeltaDiscoveryRequest & { stream: number }) =>
      request.stream === this.#calls.length - 1 && request.typeUrl === typeUrl && request.responseNonce === '';
    await until(() => this.requests.some(isWanted), `a subscription to ${typeUrl}`);
    return this.requests.find(isWanted)!;
  }

  /** Ends the newest stream in order. */
  endStream(): void {
    this.#calls.at(-1)?.end();
  }

  close(): void {
    this.#server.forceShutdown();
  }
}
