import { type SpanRecord, textAttribute } from './span-record.ts';

/** One end of a call. */
export interface HopEnd {
  /** `<name>.<namespace>`, `gateway/<name>.<namespace>` or `external`. */
  readonly id: string;
  readonly kind: 'service' | 'gateway' | 'external';
  readonly namespace: string;
  readonly name: string;
}

/** A request as its caller's side saw it. */
export interface Hop {
  readonly source: HopEnd;
  readonly destination: HopEnd;
  readonly sourceId: string;
  readonly destinationId: string;
  /** `undefined` when the request never got as far as a connection. */
  readonly mtls: boolean | undefined;
}

/** Clients without a proxy of this mesh. */
export const externalClient: HopEnd = { id: 'external', kind: 'external', namespace: '', name: 'clients' };

/**
 * The calls that a span stands for in the golden signals. A hop is counted once, by its client span; only where the
 * client has no proxy (at a gateway, or in plaintext at a permissive sidecar) the server span counts. A gateway that
 * sent nothing on has no client span, so that its server span also stands for the call that it refused.
 */
export function hopsOf(span: SpanRecord): Hop[] {
  const own = ownEnd(span);
  const ownId = textAttribute(span, 'heddle.source_id');
  const peer = textAttribute(span, 'heddle.peer');
  const mtls = span.attributes['heddle.mtls'] === true;
  const destination = destinationEnd(textAttribute(span, 'heddle.destination'));
  if (span.kind === 'client') {
    if (destination === undefined) return [];
    // A response of the proxy's own may have had no connection to be encrypted.
    const unknown = !mtls && textAttribute(span, 'heddle.reason') !== '';
    return [{ source: own, destination, sourceId: ownId, destinationId: peer, mtls: unknown ? undefined : mtls }];
  }
  if (span.kind !== 'server' || (span.mode !== 'gateway' && (mtls || span.mode !== 'sidecar'))) return [];
  const entered: Hop = { source: externalClient, destination: own, sourceId: peer, destinationId: ownId, mtls };
  if (span.mode !== 'gateway' || destination === undefined || span.attributes['heddle.attempts'] !== 0) {
    return [entered];
  }
  return [entered, { source: own, destination, sourceId: ownId, destinationId: '', mtls: undefined }];
}

function ownEnd(span: SpanRecord): HopEnd {
  const { namespace, service: name } = span;
  return span.mode === 'gateway'
    ? { id: `gateway/${name}.${namespace}`, kind: 'gateway', namespace, name }
    : { id: `${name}.${namespace}`, kind: 'service', namespace, name };
}

/** A service's name holds no dot. */
function destinationEnd(destination: string): HopEnd | undefined {
  const dot = destination.indexOf('.');
  if (dot <= 0 || dot === destination.length - 1 || destination.length > 320) return undefined;
  return {
    id: destination,
    kind: 'service',
    namespace: destination.slice(dot + 1),
    name: destination.slice(0, dot),
  };
}
