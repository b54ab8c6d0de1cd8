import { Buffer, BufferPerRoute } from '../../../proto/gen/envoy/extensions/filters/http/buffer/v3/buffer.ts';
import type { Any } from '../../../proto/gen/google/protobuf/any.ts';
import type { BufferConfig } from '../../filters/buffer.ts';
import { fieldsOf } from '../message-fields.ts';
import { join, type Reader } from '../reader.ts';
import type { DecodedOverride } from './decoded-override.ts';

export const bufferFields = fieldsOf(Buffer, { supported: ['maxRequestBytes'] });

export const bufferPerRouteFields = fieldsOf(BufferPerRoute, { supported: ['override.disabled', 'override.buffer'] });

export function decodeBuffer(reader: Reader, path: string, packed: Any): BufferConfig | undefined {
  const message = reader.unpack(path, packed, Buffer);
  return message === undefined ? undefined : readBuffer(reader, path, message);
}

export function decodeBufferOverride(reader: Reader, path: string, packed: Any): DecodedOverride | undefined {
  const message = reader.unpack(path, packed, BufferPerRoute);
  switch (message?.override?.$case) {
    case 'buffer':
      return { disabled: false, config: readBuffer(reader, join(path, 'buffer'), message.override.value) };
    case 'disabled':
      if (!message.override.value) reader.problem(join(path, 'disabled'), 'must be true');
      return { disabled: true, config: undefined };
    default:
      reader.problem(join(path, 'override'), 'missing');
      return undefined;
  }
}

function readBuffer(reader: Reader, path: string, message: Buffer): BufferConfig {
  reader.only(path, message, bufferFields);
  if (!message.maxRequestBytes) reader.problem(join(path, 'max_request_bytes'), 'must be above 0');
  return { kind: 'buffer', maxRequestBytes: message.maxRequestBytes ?? 1 };
}
