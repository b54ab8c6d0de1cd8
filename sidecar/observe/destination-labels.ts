import type { Direction, StreamInfo, TcpInfo } from './stream-info.ts';

/** Who this proxy is, as far as labels and spans tell. */
export interface OwnIdentity {
  /** SPIFFE id; empty until there is one. */
  ownId: () => string;
  serviceName: string;
  namespace: string;
}

/** Istio says so where it does not know. */
export const unknown = 'unknown';

/** Labels that HTTP and TCP metrics share, with Istio's names and meanings. */
export function destinationLabels(info: StreamInfo | TcpInfo, self: OwnIdentity): Record<string, string> {
  const inbound = info.direction === 'inbound';
  const service = serviceOf(info, self);
  const dot = service.indexOf('.');
  return {
    reporter: reporterOf(info.direction),
    source_principal: orUnknown(inbound ? info.downstreamPeer : self.ownId()),
    destination_service: service,
    destination_service_namespace: dot < 0 ? unknown : service.slice(dot + 1),
    destination_principal: orUnknown(inbound ? self.ownId() : info.upstreamPeer),
    connection_security_policy: securityPolicy(info),
  };
}

/** A gateway reports as the source, as in Istio. */
function reporterOf(direction: Direction): string {
  return direction === 'inbound' ? 'destination' : 'source';
}

/** Inbound, the service is this one. */
function serviceOf(info: StreamInfo | TcpInfo, self: OwnIdentity): string {
  if (info.service !== '') return info.service;
  return info.direction === 'inbound' ? `${self.serviceName}.${self.namespace}` : unknown;
}

function securityPolicy(info: StreamInfo | TcpInfo): string {
  if (info.direction === 'inbound') return info.downstreamPeer === '' ? 'none' : 'mutual_tls';
  if (info.upstreamAddress === '') return unknown;
  return info.upstreamPeer === '' ? 'none' : 'mutual_tls';
}

function orUnknown(text: string): string {
  return text === '' ? unknown : text;
}
