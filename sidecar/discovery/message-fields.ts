/** A message as ts-proto makes it. */
export type Message = { readonly $type: string };

/** A field in camelCase, a oneof as a whole (`pathSpecifier`), or one of its members (`pathSpecifier.prefix`). */
export type FieldName<M extends Message> = Exclude<keyof M, '$type'> & string;
type Member<M extends Message> = {
  [K in FieldName<M>]: NonNullable<M[K]> extends { readonly $case: infer Case extends string } ? `${K}.${Case}` : never;
}[FieldName<M>];

/** What is done with the fields of a message; see {@link fieldsOf}. */
export interface MessageFields<M extends Message = Message> {
  /** Full name, for example `envoy.config.cluster.v3.Cluster`. */
  readonly type: M['$type'];
  /** Where, for a message that is read differently in different places. */
  readonly place: string;
  readonly supported: readonly string[];
  /** By field, why nothing is lost by passing over it. */
  readonly ignored: Readonly<Record<string, string>>;
  /** By supported field, which of its values are refused. */
  readonly limits: Readonly<Record<string, string>>;
  readonly known: ReadonlySet<string>;
}

/**
 * The one list of what a decoder does with a message: `Reader.only` refuses the fields that are not in it, and
 * docs/envoy-compatibility.md is written from it. Export it, or the document misses it.
 *
 * ```ts
 * export const clusterFields = fieldsOf(Cluster, {
 *   supported: ['name', 'clusterDiscoveryType.type'],
 *   ignored: { perConnectionBufferLimitBytes: 'buffers are bounded by the watermarks of a connection' },
 *   limits: { lbPolicy: 'not MAGLEV' },
 * });
 * ```
 */
export function fieldsOf<M extends Message>(
  codec: { readonly $type: M['$type']; decode(input: Uint8Array): M },
  fields: {
    supported: readonly (FieldName<M> | Member<M>)[];
    ignored?: Readonly<Partial<Record<FieldName<M> | Member<M>, string>>>;
    limits?: Readonly<Partial<Record<FieldName<M> | Member<M>, string>>>;
    place?: string;
  },
): MessageFields<M> {
  const { supported, ignored = {}, limits = {}, place = '' } = fields;
  return {
    type: codec.$type,
    place,
    supported,
    ignored: ignored as Readonly<Record<string, string>>,
    limits: limits as Readonly<Record<string, string>>,
    known: new Set([...supported, ...Object.keys(ignored)]),
  };
}

/** Whether a value is what {@link fieldsOf} made. */
export function isMessageFields(value: unknown): value is MessageFields {
  return typeof value === 'object' && value !== null && 'known' in value && value.known instanceof Set;
}
