import { hash } from 'node:crypto';
import type { MessageType, UnknownMessage } from '../../proto/gen/typeRegistry.ts';
import type { XdsResource } from '../xds/resource.ts';
import type { Memo } from './memo.ts';

/** Encodes a message as a resource; the version is a short hash of the bytes. */
export function encodeResource<T extends UnknownMessage>(
  type: Pick<MessageType<T>, 'encode'>,
  name: string,
  message: T,
): XdsResource {
  return resourceOf(name, type.encode(message).finish());
}

/** A resource of bytes encoded already. */
export function resourceOf(name: string, bytes: Uint8Array): XdsResource {
  return { name, version: hash('sha256', bytes, 'base64url').slice(0, 12), bytes };
}

/** Resources by name; the same map as before as long as all of them are the same objects. */
export function resourceMap(
  memo: Memo,
  key: string,
  resources: readonly XdsResource[],
): ReadonlyMap<string, XdsResource> {
  return memo.get(`map ${key}`, resources, () => new Map(resources.map((resource) => [resource.name, resource])));
}
