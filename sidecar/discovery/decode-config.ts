import { Resource } from '../../proto/gen/envoy/service/discovery/v3/discovery.ts';
import type { ClusterConfig } from '../cluster/cluster-config.ts';
import type { ListenerConfig } from '../net/listener-config.ts';
import type { RouteTable } from '../route/route-table.ts';
import type { DecodeContext } from './decode-context.ts';
import { decodeResources } from './decode-response.ts';

/** A resource as the data path takes it. */
export type DecodedConfig =
  | { type: 'cluster'; value: ClusterConfig }
  | { type: 'route'; value: RouteTable }
  | { type: 'listener'; value: ListenerConfig };

interface Packed {
  readonly type: DecodedConfig['type'];
  readonly name: string;
  readonly version: string;
  readonly typeUrl: string;
  readonly value: Uint8Array;
}

/**
 * Decodes a resource that was accepted before, as a worker does again for itself: a decoded one holds functions, which
 * cannot be sent to another process. Throws when it is not what it was.
 */
export function decodeConfig({ type, name, version, typeUrl, value }: Packed, context: DecodeContext): DecodedConfig {
  const resource = { typeUrl, value: Buffer.from(value.buffer, value.byteOffset, value.byteLength) };
  const packed = Resource.fromPartial({ name, version, resource });
  const { accepted, refused } = decodeResources(type, [packed], context);
  const [decoded] = accepted;
  if (decoded === undefined) throw new Error(refused.flatMap(({ problems }) => problems).join('; '));
  if (decoded.type === 'cluster') return { type: 'cluster', value: decoded.value.config };
  if (decoded.type === 'route') return { type: 'route', value: decoded.value };
  if (decoded.type === 'listener') return { type: 'listener', value: decoded.value };
  throw new Error(`${name} is a ${decoded.type}`);
}
