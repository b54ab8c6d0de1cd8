import { type BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/** Writes the fields of `google.protobuf.Struct`. Any plain data fits. */
export function writeStruct(writer: BinaryWriter, value: object): void {
  for (const [key, item] of Object.entries(value)) {
    writer.tag(1, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).string(key);
    writer.tag(2, WireType.LengthDelimited).fork();
    writeValue(writer, item);
    writer.join().join();
  }
}

/** Writes the field of `google.protobuf.Value` that fits. */
export function writeValue(writer: BinaryWriter, value: unknown): void {
  if (typeof value === 'number') writer.tag(2, WireType.Bit64).double(value);
  else if (typeof value === 'string') writer.tag(3, WireType.LengthDelimited).string(value);
  else if (typeof value === 'boolean') writer.tag(4, WireType.Varint).bool(value);
  else if (Array.isArray(value)) {
    writer.tag(6, WireType.LengthDelimited).fork();
    writeList(writer, value);
    writer.join();
  } else if (typeof value === 'object' && value !== null) {
    writer.tag(5, WireType.LengthDelimited).fork();
    writeStruct(writer, value);
    writer.join();
  } else writer.tag(1, WireType.Varint).int32(0);
}

/** Writes the values of `google.protobuf.ListValue`. */
export function writeList(writer: BinaryWriter, values: readonly unknown[]): void {
  for (const value of values) {
    writer.tag(1, WireType.LengthDelimited).fork();
    writeValue(writer, value);
    writer.join();
  }
}
