import { enumValues, messageFields } from '../../../proto/gen/fields.ts';

/** A field of a message, or the value of a map. */
export interface FieldShape {
  /** As in the proto file: `route_config`. */
  readonly name: string;
  readonly number: number;
  /** A scalar (`uint32`), or the full name of a message or enum. */
  readonly type: string;
  readonly repeated: boolean;
  /** Scalar type of the keys, for a map. */
  readonly keyType: string | undefined;
  readonly oneof: string | undefined;
}

export interface MessageShape {
  readonly fields: readonly FieldShape[];
  /** By both names: `route_config` and `routeConfig`. */
  readonly byName: ReadonlyMap<string, FieldShape>;
}

const syntax = /^(\w+)=(\d+):(?:map<(\w+),)?\.?([\w.]+)>?(\*)?(?:@(\w+))?$/;
const shapes = new Map<string, MessageShape>();

/** The fields of a message of the configuration, by its full name; `undefined` for one that is not known here. */
export function shapeOf(type: string): MessageShape | undefined {
  const known = shapes.get(type);
  if (known !== undefined || !Object.hasOwn(messageFields, type)) return known;
  const fields = (messageFields[type] ?? '')
    .split(' ')
    .filter((text) => text !== '')
    .map(readShape);
  const byName = new Map(fields.flatMap((field) => [[field.name, field] as const, [camelCase(field.name), field]]));
  const shape = { fields, byName };
  shapes.set(type, shape);
  return shape;
}

function readShape(text: string): FieldShape {
  const [, name = '', number, keyType, type = '', star, oneof] = syntax.exec(text) ?? [];
  return { name, number: Number(number), type, repeated: star !== undefined, keyType, oneof };
}

const enums = new Map<string, ReadonlyMap<string, number>>();

/** The values of an enum by name; `undefined` for what is no enum. */
export function enumOf(type: string): ReadonlyMap<string, number> | undefined {
  const known = enums.get(type);
  if (known !== undefined || !Object.hasOwn(enumValues, type)) return known;
  const values = new Map(
    (enumValues[type] ?? '').split(' ').map((text) => {
      const [name = '', number] = text.split('=');
      return [name, Number(number)] as const;
    }),
  );
  enums.set(type, values);
  return values;
}

/** The name of a field in JSON. */
export function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
