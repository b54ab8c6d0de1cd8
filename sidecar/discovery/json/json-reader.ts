import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { clip, type FieldPath } from '../../../lib/field-path.ts';
import { nearest } from '../../../lib/nearest.ts';
import { camelCase, type FieldShape, type MessageShape, shapeOf } from './message-shape.ts';
import { readDuration, readTimestamp, type SecondsAndNanos } from './read-duration.ts';
import { expected, scalarWriter, type ValueFault } from './read-scalar.ts';
import { writeList, writeStruct, writeValue } from './write-struct.ts';

/** One thing wrong with one field. */
export interface JsonProblem {
  readonly path: FieldPath;
  /** Whether the name of the field is wrong, not its value. */
  readonly atKey: boolean;
  readonly message: string;
  readonly hint: string | undefined;
}

/** More would not be read. */
const maxProblems = 1_000;
const wrapper = /^google\.protobuf\.(Double|Float|Int64|UInt64|Int32|UInt32|Bool|String|Bytes)Value$/;
/** Messages that ProtoJSON writes in another form than as a map of their fields; in an `Any` they stand in `value`. */
const special = /^google\.protobuf\.(Duration|Timestamp|Any|Struct|Value|ListValue|FieldMask|\w+Value)$/;

/**
 * Turns plain data, as YAML or JSON gives it, into messages in protobuf's binary form, by the rules of ProtoJSON read
 * strictly: a field that does not exist, a value of another type, a oneof set twice are problems. Both names of a
 * field are taken, `route_config` and `routeConfig`; `null` is a field that is not set. All problems are collected.
 */
export class JsonReader {
  readonly problems: JsonProblem[] = [];

  /** Reads a message of the full name `type`. With problems the result is not to be used. */
  read(type: string, value: unknown, path: FieldPath): Uint8Array {
    const writer = new BinaryWriter();
    this.#message(writer, type, value, path);
    return writer.finish();
  }

  #problem(path: FieldPath, { message, hint }: ValueFault, atKey = false): void {
    if (this.problems.length < maxProblems) this.problems.push({ path, atKey, message, hint });
  }

  #message(writer: BinaryWriter, type: string, value: unknown, path: FieldPath): void {
    if (special.test(type)) {
      this.#special(writer, type, value, path);
      return;
    }
    if (!isMap(value)) {
      this.#problem(path, expected('a map', value));
      return;
    }
    // Besides those above, only Empty has no shape: it has no fields.
    this.#fields(writer, shapeOf(type) ?? { fields: [], byName: new Map() }, value, path, '');
  }

  /** Reads a map of fields, all but the one named `except`. */
  #fields(
    writer: BinaryWriter,
    shape: MessageShape,
    value: Readonly<Record<string, unknown>>,
    path: FieldPath,
    except: string,
  ): void {
    const taken = new Map<string, string>();
    for (const [key, item] of Object.entries(value)) {
      if (key === except && except !== '') continue;
      const field = shape.byName.get(key);
      const at = [...path, key];
      if (field === undefined) {
        this.#problem(at, unknownField(key, shape), true);
        continue;
      }
      if (item === null && field.type !== 'google.protobuf.Value') continue;
      const rival = taken.get(field.name) ?? (field.oneof === undefined ? undefined : taken.get(`@${field.oneof}`));
      if (rival !== undefined)
        this.#problem(at, { message: `only one of \`${rival}\` and \`${key}\` may be set` }, true);
      taken.set(field.name, key);
      if (field.oneof !== undefined) taken.set(`@${field.oneof}`, key);
      this.#field(writer, field, item, at);
    }
  }

  #field(writer: BinaryWriter, field: FieldShape, value: unknown, path: FieldPath): void {
    if (field.keyType !== undefined) {
      this.#map(writer, field, field.keyType, value, path);
    } else if (!field.repeated) {
      this.#value(writer, field.number, field.type, value, path);
    } else if (!Array.isArray(value)) {
      this.#problem(path, expected('a list', value, isMap(value) ? 'begin each item with "- "' : undefined));
    } else {
      for (const [index, item] of value.entries())
        this.#value(writer, field.number, field.type, item, [...path, index]);
    }
  }

  #map(writer: BinaryWriter, field: FieldShape, keyType: string, value: unknown, path: FieldPath): void {
    if (!isMap(value)) {
      this.#problem(path, expected('a map', value));
      return;
    }
    for (const [key, item] of Object.entries(value)) {
      const at = [...path, key];
      writer.tag(field.number, WireType.LengthDelimited).fork();
      const fault = scalarWriter(keyType)?.(writer, 1, keyType === 'bool' ? key === 'true' : key);
      if (fault !== undefined) this.#problem(at, fault, true);
      this.#value(writer, 2, field.type, item, at);
      writer.join();
    }
  }

  #value(writer: BinaryWriter, number: number, type: string, value: unknown, path: FieldPath): void {
    const scalar = scalarWriter(type);
    if (scalar !== undefined) {
      const fault = scalar(writer, number, value);
      if (fault !== undefined) this.#problem(path, fault);
      return;
    }
    writer.tag(number, WireType.LengthDelimited).fork();
    this.#message(writer, type, value, path);
    writer.join();
  }

  #special(writer: BinaryWriter, type: string, value: unknown, path: FieldPath): void {
    const wrapped = wrapper.exec(type)?.[1];
    if (wrapped !== undefined) this.#value(writer, 1, wrapped.toLowerCase(), value, path);
    else if (type === 'google.protobuf.Any') this.#any(writer, value, path);
    else if (type === 'google.protobuf.Value') writeValue(writer, value);
    else if (type === 'google.protobuf.Duration') this.#time(writer, readDuration(value), path);
    else if (type === 'google.protobuf.Timestamp') this.#time(writer, readTimestamp(value), path);
    else if (type === 'google.protobuf.Struct') {
      if (isMap(value)) writeStruct(writer, value);
      else this.#problem(path, expected('a map', value));
    } else if (type === 'google.protobuf.ListValue') {
      if (Array.isArray(value)) writeList(writer, value);
      else this.#problem(path, expected('a list', value));
    } else if (typeof value === 'string') {
      for (const name of value.split(',')) writer.tag(1, WireType.LengthDelimited).string(snakePath(name));
    } else this.#problem(path, expected('names of fields, separated by commas', value));
  }

  #time(writer: BinaryWriter, read: SecondsAndNanos | ValueFault, path: FieldPath): void {
    if ('message' in read) {
      this.#problem(path, read);
      return;
    }
    writer.tag(1, WireType.Varint).int64(read.seconds).tag(2, WireType.Varint).int32(read.nanos);
  }

  /**
   * An `Any` has its type in `@type` and its fields beside it. What is of a type that is not known here is left empty:
   * who wants to read it refuses the type.
   */
  #any(writer: BinaryWriter, value: unknown, path: FieldPath): void {
    if (!isMap(value)) {
      this.#problem(path, expected('a map with "@type"', value));
      return;
    }
    const url = value['@type'];
    if (url === undefined && Object.keys(value).length === 0) return;
    const type = typeof url === 'string' ? /^(?:[\w.-]+\/)+([\w.]+)$/.exec(url)?.[1] : undefined;
    if (type === undefined) {
      const example = 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router';
      this.#problem(
        url === undefined ? path : [...path, '@type'],
        url === undefined
          ? { message: '`@type` is missing', hint: `such as ${example}` }
          : expected(`a type such as ${example}`, url),
      );
      return;
    }
    writer.tag(1, WireType.LengthDelimited).string(`type.googleapis.com/${type}`);
    writer.tag(2, WireType.LengthDelimited).fork();
    if (special.test(type)) this.#message(writer, type, value.value, [...path, 'value']);
    else {
      const shape = shapeOf(type);
      if (shape !== undefined) this.#fields(writer, shape, value, path, '@type');
    }
    writer.join();
  }
}

function unknownField(key: string, shape: MessageShape): ValueFault {
  const names = shape.fields.map(({ name }) => name);
  const similar = nearest(key, names) ?? nearest(key, names.map(camelCase));
  const message = `unknown field \`${clip(key)}\``;
  if (similar !== undefined) return { message, hint: `did you mean \`${similar}\`?` };
  return names.length === 0 ? { message } : { message, hint: `known fields: ${names.join(', ')}` };
}

function snakePath(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
