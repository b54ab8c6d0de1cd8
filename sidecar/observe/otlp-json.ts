import { jsonEscape } from './json-string.ts';

/** The beginning of an attribute up to its value, with a comma before it; made once for each key. */
export interface AttributeKeys {
  text: string;
  int: string;
  bool: string;
}

export function attributeKey(key: string): AttributeKeys {
  const start = `,{"key":"${key}","value":{`;
  return { text: `${start}"stringValue":"`, int: `${start}"intValue":"`, bool: `${start}"boolValue":` };
}

/**
 * Gathers OTLP/JSON as pieces that are joined once for a whole batch. What costs is the number of pieces, so that
 * constants are as long as can be. Every attribute has a comma before it; {@link attributesOf} takes off the first.
 */
export class OtlpWriter {
  readonly #parts: string[] = [];

  raw(...texts: string[]): this {
    this.#parts.push(...texts);
    return this;
  }

  /** An attribute of text; left out when empty. */
  text(key: AttributeKeys, value: string): this {
    if (value !== '') this.#parts.push(key.text, jsonEscape(value), '"}}');
    return this;
  }

  /** 64-bit integers are decimal strings in OTLP/JSON. */
  int(key: AttributeKeys, value: number): this {
    this.#parts.push(key.int, String(Math.trunc(value)), '"}}');
    return this;
  }

  bool(key: AttributeKeys, value: boolean): this {
    this.#parts.push(key.bool, value ? 'true}}' : 'false}}');
    return this;
  }

  toString(): string {
    return this.#parts.join('');
  }
}

/** Attributes written by `write`, comma separated; empty when there are none. */
export function attributesOf(write: (to: OtlpWriter) => void): string {
  const writer = new OtlpWriter();
  write(writer);
  return writer.toString().slice(1);
}

/** Wraps encoded spans and encoded resource attributes as an `ExportTraceServiceRequest`. */
export function exportRequest(resource: string, spans: string): string {
  return `{"resourceSpans":[{"resource":{"attributes":[${resource}]},"scopeSpans":[{"scope":{"name":"heddle"},"spans":[${spans}]}]}]}`;
}
