import { HttpConnection, type HttpService } from '../net/http-connection.ts';
import type { OwnedTransport } from '../net/transport.ts';
import { matchRoute } from '../route/match.ts';
import type { BodyReceiver, ResetReason, ResponseWriter } from '../stream/codec.ts';
import type { RequestHead, ResponseHead } from '../stream/head.ts';
import { Headers } from '../stream/headers.ts';
import { localReply } from '../stream/local-replies.ts';
import { renderLocalReply } from '../stream/render-local-reply.ts';
import type { DownstreamFacts } from '../stream/stream-scope.ts';
import type { RelayEvents, RelaySide } from './relay.ts';
import { TcpConnection } from './tcp-connection.ts';
import type { TcpScope } from './tcp-scope.ts';

/** A tunnel to a TCP service is closed when nothing moved for so long. Milliseconds. */
const tunnelIdleTimeoutMs = 3_600_000;

/**
 * Answers CONNECT of the forward proxy. To an HTTP service of the mesh, the requests inside the tunnel are served like
 * any other; to a TCP service, bytes are relayed; to anything else, 404.
 */
export function openTunnel(
  connection: HttpConnection,
  head: RequestHead,
  writer: ResponseWriter,
  tcp: TcpScope,
): BodyReceiver {
  const { scope } = connection.service;
  const { table } = scope.routes;
  const inMesh = table !== undefined && matchRoute(table, { ...head, path: '/' }).kind !== 'unknown-host';
  if (inMesh) return openHttpTunnel(connection, writer);
  const cluster = findTcpCluster(head.authority, tcp);
  if (cluster !== undefined) return openTcpTunnel(cluster, connection.facts, writer, head, tcp);
  const message = `${head.authority} is no service of the mesh; tunnels lead to services only`;
  const reply = localReply('unknown-destination', { host: head.authority }, message);
  const { head: response, body } = renderLocalReply(reply, head, '');
  writer.head(response, false);
  writer.data(body, true);
  return new TunnelSide(writer);
}

/** Names a service as clients do: `<name>.<namespace>`, with or without `.svc` or `.svc.cluster.local`. */
function findTcpCluster(authority: string, tcp: TcpScope): string | undefined {
  const match = /^([^:]+?)(?:\.svc(?:\.cluster\.local)?)?:(\d+)$/.exec(authority);
  if (match === null) return undefined;
  return tcp.clusters.findTcp(match[1] as string, Number(match[2]))?.config.name;
}

function openHttpTunnel(outer: HttpConnection, writer: ResponseWriter): BodyReceiver {
  const side = new TunnelSide(writer);
  // No CONNECT inside CONNECT.
  const inner: HttpService = withoutTunnels(outer.service);
  const connection = new HttpConnection(side, inner, outer.facts, undefined);
  writer.head(established(), false);
  side.start({
    onData: (chunk) => connection.onBytes(chunk),
    onEnd: () => connection.onEnd(),
    onClose: () => connection.onClose(),
    onDrain: () => connection.onDrain(),
  });
  return side;
}

function withoutTunnels(service: HttpService): HttpService {
  return {
    get scope() {
      return service.scope;
    },
    http: service.http,
    turn: service.turn,
    serverName: service.serverName,
    openTunnel: undefined,
  };
}

function openTcpTunnel(
  cluster: string,
  facts: DownstreamFacts,
  writer: ResponseWriter,
  head: RequestHead,
  tcp: TcpScope,
): BodyReceiver {
  const side = new TunnelSide(writer);
  const target = { cluster, idleTimeoutMs: tunnelIdleTimeoutMs };
  const connection = new TcpConnection(side, facts, target, tcp, {
    onConnected: () => writer.head(established(), false),
    onFailed: (reason, message) => {
      const { head: response, body } = renderLocalReply(
        localReply(reason, { host: head.authority }, message),
        head,
        '',
      );
      writer.head(response, false);
      writer.data(body, true);
    },
    onOver: () => {},
  });
  side.onEarlyClose = () => connection.onDownstreamGone();
  connection.start();
  return side;
}

function established(): ResponseHead {
  return {
    status: 200,
    reason: 'Connection established',
    headers: new Headers(),
    contentLength: undefined,
    upgrade: undefined,
  };
}

/** The inside of a CONNECT tunnel: as one end of a relay, and as the transport of a codec. */
class TunnelSide implements BodyReceiver, RelaySide, OwnedTransport {
  readonly #writer: ResponseWriter;
  #events: RelayEvents | undefined;
  #full = false;
  /** Called when the client goes away before the tunnel stands. */
  onEarlyClose: () => void = () => {};

  /** What comes before {@link start} waits for it. */
  constructor(writer: ResponseWriter) {
    this.#writer = writer;
    writer.pauseReading();
  }

  start(events: RelayEvents): void {
    this.#events = events;
    this.#writer.resumeReading();
  }

  /** Everything, while the writer asks to wait. */
  get bufferedBytes(): number {
    return this.#full ? Number.MAX_SAFE_INTEGER : 0;
  }

  write(bytes: Buffer | string): boolean {
    const room = this.#writer.data(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes, false);
    if (!room) this.#full = true;
    return room;
  }

  end(): void {
    this.#writer.data(Buffer.alloc(0), true);
  }

  close(): void {
    this.end();
  }

  destroy(): void {
    this.#writer.reset('local-reset');
  }

  pause(): void {
    this.#writer.pauseReading();
  }

  resume(): void {
    this.#writer.resumeReading();
  }

  onData(chunk: Buffer, end: boolean): void {
    if (chunk.length > 0) this.#events?.onData(chunk);
    if (end) this.#events?.onEnd();
  }

  onTrailers(): void {}

  onReset(_reason: ResetReason, _detail: string): void {
    if (this.#events === undefined) this.onEarlyClose();
    else this.#events.onClose();
  }

  onWritable(): void {
    this.#full = false;
    this.#events?.onDrain();
  }
}
