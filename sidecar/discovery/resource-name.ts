import { BinaryReader } from '@bufbuild/protobuf/wire';

/** The name of an encoded resource: the first field of each of the types that are asked for. Empty for none. */
export function resourceName(message: Uint8Array): string {
  try {
    const reader = new BinaryReader(message);
    while (reader.pos < reader.len) {
      const [number, wireType] = reader.tag();
      if (number === 1) return reader.string();
      reader.skip(wireType);
    }
  } catch {
    // What cannot be read is refused by its decoder.
  }
  return '';
}
