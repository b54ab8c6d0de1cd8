import { type BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { clip } from '../../../lib/field-path.ts';
import { nearest } from '../../../lib/nearest.ts';
import { enumOf } from './message-shape.ts';

/** What is wrong with a value, and what to write instead. */
export interface ValueFault {
  readonly message: string;
  readonly hint?: string;
}

/** Writes a value with its tag, or answers what is wrong with it; nothing is written then. */
export type ScalarWriter = (writer: BinaryWriter, number: number, value: unknown) => ValueFault | undefined;

const bits32 = { signed: [-(2 ** 31), 2 ** 31 - 1], unsigned: [0, 2 ** 32 - 1] } as const;

/** By scalar type of the proto language. */
const writers: Readonly<Record<string, ScalarWriter>> = {
  string: (writer, number, value) => {
    if (typeof value !== 'string') return expected('a string', value, quoted(value));
    if (!value.isWellFormed()) return { message: 'has half of a surrogate pair' };
    writer.tag(number, WireType.LengthDelimited).string(value);
    return undefined;
  },
  bytes: (writer, number, value) => {
    if (typeof value !== 'string') return expected('a string in base64', value);
    const bytes = decodeBase64(value);
    if (bytes === undefined) return { message: 'is not base64' };
    writer.tag(number, WireType.LengthDelimited).bytes(bytes);
    return undefined;
  },
  bool: (writer, number, value) => {
    if (typeof value !== 'boolean') return expected('true or false', value, unquoted(value, /^(true|false)$/));
    writer.tag(number, WireType.Varint).bool(value);
    return undefined;
  },
  int32: integer('int32', WireType.Varint, bits32.signed),
  sint32: integer('sint32', WireType.Varint, bits32.signed),
  sfixed32: integer('sfixed32', WireType.Bit32, bits32.signed),
  uint32: integer('uint32', WireType.Varint, bits32.unsigned),
  fixed32: integer('fixed32', WireType.Bit32, bits32.unsigned),
  int64: long('int64', WireType.Varint, true),
  sint64: long('sint64', WireType.Varint, true),
  sfixed64: long('sfixed64', WireType.Bit64, true),
  uint64: long('uint64', WireType.Varint, false),
  fixed64: long('fixed64', WireType.Bit64, false),
  float: decimal('float', WireType.Bit32),
  double: decimal('double', WireType.Bit64),
};

/** How a scalar or an enum is written; `undefined` for the name of a message. */
export function scalarWriter(type: string): ScalarWriter | undefined {
  if (Object.hasOwn(writers, type)) return writers[type];
  const values = enumOf(type);
  return values === undefined ? undefined : (writer, number, value) => writeEnum(writer, number, value, values);
}

function writeEnum(
  writer: BinaryWriter,
  number: number,
  value: unknown,
  values: ReadonlyMap<string, number>,
): ValueFault | undefined {
  // Envoy takes names in any case.
  const chosen = typeof value === 'string' ? (values.get(value) ?? withoutCase(values, value)) : value;
  if (typeof chosen === 'number' && [...values.values()].includes(chosen)) {
    writer.tag(number, WireType.Varint).int32(chosen);
    return undefined;
  }
  const names = [...values.keys()];
  if (typeof value !== 'string') return expected(`one of ${names.join(', ')}`, value);
  const similar = nearest(value, names);
  const message = `"${clip(value)}" is none of ${names.join(', ')}`;
  return similar === undefined ? { message } : { message, hint: `did you mean ${similar}?` };
}

function withoutCase(values: ReadonlyMap<string, number>, word: string): number | undefined {
  const lower = word.toLowerCase();
  return [...values].find(([name]) => name.toLowerCase() === lower)?.[1];
}

function integer(
  method: 'int32' | 'sint32' | 'sfixed32' | 'uint32' | 'fixed32',
  wireType: WireType,
  [least, most]: readonly [number, number],
): ScalarWriter {
  return (writer, number, value) => {
    const found = toNumber(value);
    if (found === undefined || !Number.isInteger(found)) return expected('a whole number', value);
    if (found < least || found > most) return { message: `${found} is not between ${least} and ${most}` };
    writer.tag(number, wireType)[method](found);
    return undefined;
  };
}

function long(
  method: 'int64' | 'sint64' | 'sfixed64' | 'uint64' | 'fixed64',
  wireType: WireType,
  signed: boolean,
): ScalarWriter {
  return (writer, number, value) => {
    const found = toBigInt(value);
    if (found === undefined) {
      const tooLong = typeof value === 'number' && Number.isInteger(value);
      return tooLong
        ? { message: 'has too many digits', hint: 'write it in quotes' }
        : expected('a whole number', value);
    }
    const fitting = signed ? BigInt.asIntN(64, found) : BigInt.asUintN(64, found);
    if (fitting !== found) return { message: `${found} does not fit into 64 bits` };
    writer.tag(number, wireType)[method](found.toString());
    return undefined;
  };
}

function decimal(method: 'float' | 'double', wireType: WireType): ScalarWriter {
  const special: Readonly<Record<string, number>> = {
    NaN: Number.NaN,
    Infinity: Number.POSITIVE_INFINITY,
    '-Infinity': Number.NEGATIVE_INFINITY,
  };
  return (writer, number, value) => {
    const found = typeof value === 'string' && Object.hasOwn(special, value) ? special[value] : toNumber(value);
    if (found === undefined) return expected('a number', value);
    const tooLarge = Number.isFinite(found) && method === 'float' && Math.abs(found) > 3.4028234663852886e38;
    if (tooLarge) return { message: `${found} does not fit into 32 bits` };
    writer.tag(number, wireType)[method](found);
    return undefined;
  };
}

/** A number, or one in quotes, as ProtoJSON allows for every kind of number. */
function toNumber(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  const isNumber = typeof value === 'string' && /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(value);
  return isNumber && Number.isFinite(Number(value)) ? Number(value) : undefined;
}

function toBigInt(value: unknown): bigint | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : undefined;
  return typeof value === 'string' && /^-?(0|[1-9]\d{0,19})$/.test(value) ? BigInt(value) : undefined;
}

/** Both alphabets, with padding or without. */
function decodeBase64(text: string): Buffer | undefined {
  const plain = text
    .replaceAll('-', '+')
    .replaceAll('_', '/')
    .replace(/={0,2}$/, '');
  if (!/^[A-Za-z0-9+/]*$/.test(plain) || plain.length % 4 === 1) return undefined;
  if (text.endsWith('=') && text.length % 4 !== 0) return undefined;
  return Buffer.from(plain, 'base64');
}

/** A fault that says what was expected and what is there. */
export function expected(what: string, value: unknown, hint?: string): ValueFault {
  const message = `must be ${what}, not ${nameOf(value)}`;
  return hint === undefined ? { message } : { message, hint };
}

function nameOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  return typeof value === 'string' ? `"${clip(value)}"` : String(value);
}

function quoted(value: unknown): string | undefined {
  return typeof value === 'number' || typeof value === 'boolean' ? `write it in quotes: "${value}"` : undefined;
}

function unquoted(value: unknown, allowed: RegExp): string | undefined {
  return typeof value === 'string' && allowed.test(value) ? `write it without quotes: ${value}` : undefined;
}
