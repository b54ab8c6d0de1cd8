import { setImmediate } from 'node:timers/promises';
import { Server, ServerCredentials, type ServerDuplexStream, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { FakeClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { TimerWheel } from '../../lib/timer-wheel.ts';
import { type AdsConnection, adsService } from './ads-service.ts';
import { type NodeResources, type TypeUrl, typeUrls, type XdsResource } from './resource.ts';
import { SnapshotCache } from './snapshot-cache.ts';
import { AdsTestClient } from './test-client.ts';

/** Resources from lines like `cluster a=1 b=2`: the version stands in the bytes, so the server need not be trusted. */
export function world(...lines: string[]): NodeResources {
  const types: Record<string, TypeUrl> = typeUrls;
  return new Map(
    lines.map((line) => {
      const [type = '', ...items] = line.split(' ');
      const map = new Map<string, XdsResource>();
      for (const item of items) {
        const [name = '', version = ''] = item.split('=');
        map.set(name, { name, version, bytes: Buffer.from(item) });
      }
      return [types[type] as TypeUrl, map];
    }),
  );
}

/** An ADS server for tests on a port of its own, without TLS, with a clock that the test moves; and its clients. */
export class AdsTestServer {
  readonly clock = new FakeClock();
  readonly wheel = new TimerWheel(100, 64, this.clock);
  readonly cache = new SnapshotCache();
  readonly connections = new Set<AdsConnection>();
  readonly nacks: string[] = [];
  readonly clients: AdsTestClient[] = [];
  /** Called when a stream opens. */
  onStream: () => void = () => {};
  port = 0;
  readonly #server = new Server({ 'grpc.max_receive_message_length': 1 << 24 });
  #received = 0;
  #written = 0;

  static async start(): Promise<AdsTestServer> {
    const server = new AdsTestServer();
    await server.#listen();
    return server;
  }

  /** Gives the one node of this server new resources. */
  set(...lines: string[]): void {
    this.cache.set('node', world(...lines));
  }

  connect(form: 'sotw' | 'delta', node = 'cart-1.shop'): AdsTestClient {
    const client = new AdsTestClient({
      form,
      port: this.port,
      node: { id: node },
      nameOf: (resource) => resource.value.toString().split('=')[0] ?? '',
    });
    this.clients.push(client);
    return client;
  }

  /** Waits until nothing is under way between the clients and the server. */
  async settled(): Promise<void> {
    const total = (count: (client: AdsTestClient) => number) =>
      this.clients.reduce((sum, client) => sum + count(client), 0);
    while (
      this.#received !== total(({ sent }) => sent) ||
      this.#written !== total(({ responses }) => responses.length)
    ) {
      await setImmediate();
    }
  }

  /** Closes everything; answers what the clients found wrong with the protocol. */
  close(): string[] {
    for (const client of this.clients) client.close();
    this.#server.forceShutdown();
    this.wheel.close();
    return this.clients.flatMap((client) => client.faults);
  }

  async #listen(): Promise<void> {
    const { definition, implementation } = adsService({
      cache: this.cache,
      clock: this.clock,
      wheel: this.wheel,
      log: silentLog,
      identify: () => {
        this.onStream();
        return 'spiffe://cluster.local/ns/shop/sa/cart';
      },
      disconnect: () => {},
      admit: (node) =>
        node.id.endsWith('.shop')
          ? { ok: true, key: 'node', quota: node.id }
          : { ok: false, reason: `${node.id} is not of namespace shop` },
      onOpen: (_key, connection) => this.connections.add(connection),
      onClose: (_key, connection) => this.connections.delete(connection),
      onNack: (_connection, nack) => this.nacks.push(`${nack.type} ${nack.count} ${nack.error}`),
    });
    this.#server.addService(definition, this.#counted(implementation));
    this.port = await new Promise((resolve, reject) =>
      this.#server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      ),
    );
  }

  /** Counts what the server reads and writes. */
  #counted(implementation: UntypedServiceImplementation): UntypedServiceImplementation {
    type Call = ServerDuplexStream<Buffer, Buffer>;
    type Handler = (call: Call) => void;
    return Object.fromEntries(
      Object.entries(implementation).map(([method, handler]) => [
        method,
        (call: Call) => {
          const write = call.write.bind(call);
          call.write = ((message: Buffer) => {
            this.#written++;
            return write(message);
          }) as typeof call.write;
          (handler as Handler)(call);
          call.on('data', () => this.#received++);
        },
      ]),
    );
  }
}
