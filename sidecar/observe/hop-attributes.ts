import { attributeKey, attributesOf, type OtlpWriter } from './otlp-json.ts';
import type { StreamInfo, TcpInfo } from './stream-info.ts';

const key = {
  direction: attributeKey('heddle.direction'),
  listener: attributeKey('heddle.listener'),
  route: attributeKey('heddle.route'),
  cluster: attributeKey('heddle.cluster'),
  destination: attributeKey('heddle.destination'),
  destinationPort: attributeKey('heddle.destination_port'),
  peer: attributeKey('heddle.peer'),
  sourceId: attributeKey('heddle.source_id'),
  upstream: attributeKey('heddle.upstream'),
  workload: attributeKey('heddle.workload'),
  mtls: attributeKey('heddle.mtls'),
  scheme: attributeKey('url.scheme'),
  protocol: attributeKey('network.protocol.version'),
  peerAddress: attributeKey('network.peer.address'),
  peerPort: attributeKey('network.peer.port'),
};

interface Entry {
  isServer: boolean;
  ownId: string;
  info: StreamInfo;
  json: string;
}

const maxRoutes = 1_000;
const maxEntriesPerRoute = 16;

/**
 * The attributes of a span that say which way it went. They repeat from request to request and are most of its
 * bytes, so that they are encoded once for each way and found again by comparing what they are made of.
 */
export class HopAttributes {
  readonly #byRoute = new Map<string, Entry[]>();

  /** Comma separated, never empty. */
  of(info: StreamInfo, isServer: boolean, ownId: string): string {
    const entries = this.#byRoute.get(info.route) ?? this.#addRoute(info.route);
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i] as Entry;
      if (!isWayOf(entry, info, isServer, ownId)) continue;
      if (i > 0) {
        entries[i] = entries[i - 1] as Entry;
        entries[i - 1] = entry;
      }
      return entry.json;
    }
    const json = attributesOf((to) => writeHttpHop(to, info, isServer, ownId));
    if (entries.length >= maxEntriesPerRoute) entries.pop();
    entries.push({ isServer, ownId, info, json });
    return json;
  }

  #addRoute(route: string): Entry[] {
    if (this.#byRoute.size >= maxRoutes) this.#byRoute.clear();
    const entries: Entry[] = [];
    this.#byRoute.set(route, entries);
    return entries;
  }
}

function isWayOf(entry: Entry, info: StreamInfo, isServer: boolean, ownId: string): boolean {
  const known = entry.info;
  return (
    entry.isServer === isServer &&
    known.upstreamAddress === info.upstreamAddress &&
    known.upstreamPeer === info.upstreamPeer &&
    known.downstreamPeer === info.downstreamPeer &&
    known.cluster === info.cluster &&
    known.upstreamWorkload === info.upstreamWorkload &&
    known.service === info.service &&
    known.servicePort === info.servicePort &&
    known.direction === info.direction &&
    known.listener === info.listener &&
    known.scheme === info.scheme &&
    known.protocol === info.protocol &&
    known.upstreamProtocol === info.upstreamProtocol &&
    entry.ownId === ownId
  );
}

function writeHttpHop(to: OtlpWriter, info: StreamInfo, isServer: boolean, ownId: string): void {
  writeHop(to, info, isServer, ownId);
  to.text(key.route, info.route)
    .text(key.workload, info.upstreamWorkload)
    .text(key.scheme, info.scheme)
    .text(key.protocol, isServer || info.upstreamProtocol === '' ? info.protocol : info.upstreamProtocol);
  // Of a server span it differs from connection to connection, and is written with each span.
  if (!isServer) writePeerAddress(to, info.upstreamAddress);
}

/** What HTTP and TCP spans share. */
export function writeHop(to: OtlpWriter, info: StreamInfo | TcpInfo, isServer: boolean, ownId: string): void {
  const peer = isServer ? info.downstreamPeer : info.upstreamPeer;
  to.text(key.direction, info.direction)
    .text(key.listener, info.listener)
    .text(key.cluster, info.cluster)
    .text(key.destination, info.service)
    .text(key.peer, peer)
    .text(key.sourceId, ownId)
    .text(key.upstream, info.upstreamAddress)
    .bool(key.mtls, peer !== '');
  if (info.servicePort !== 0) to.int(key.destinationPort, info.servicePort);
}

/** `network.peer.*` of `address:port`, with brackets around an IPv6 address. */
export function writePeerAddress(to: OtlpWriter, address: string): void {
  const portAt = address.lastIndexOf(':');
  if (portAt < 0) {
    to.text(key.peerAddress, address);
    return;
  }
  const host = address.startsWith('[') ? address.slice(1, portAt - 1) : address.slice(0, portAt);
  to.text(key.peerAddress, host).int(key.peerPort, Number(address.slice(portAt + 1)) || 0);
}
