import type { Any } from '../../proto/gen/google/protobuf/any.ts';
import type { Duration } from '../../proto/gen/google/protobuf/duration.ts';
import { createFindings, type DecodeContext, type Findings } from './decode-context.ts';
import type { Message, MessageFields } from './message-fields.ts';

/** What a decoder answers: the configuration, or every problem found, each with its field path. */
export type Decoded<T> = { ok: true; value: T } | { ok: false; problems: readonly string[] };

const maxDurationMs = 2 ** 31 - 1;

/**
 * Collects the problems of one resource while it is decoded. A decoder goes on after a problem with a value that
 * will not be used, so that all problems are told at once.
 */
export class Reader {
  readonly problems: string[] = [];
  readonly context: DecodeContext;
  readonly findings: Findings;

  constructor(context: DecodeContext = { trustDomain: '', now: 0 }) {
    this.context = context;
    this.findings = context.findings ?? createFindings();
  }

  problem(path: string, text: string): void {
    this.problems.push(path === '' ? text : `${path}: ${text}`);
  }

  /** A worker's share of a number that is meant for the proxy as a whole; at least 1 where the whole is. */
  share(whole: number): number {
    return Math.ceil(whole / (this.context.workers ?? 1));
  }

  finish<T>(value: T): Decoded<T> {
    return this.problems.length === 0 ? { ok: true, value } : { ok: false, problems: this.problems };
  }

  /**
   * Refuses by name every field of `message` that is set and not among `fields`: a field that is not understood would
   * otherwise be ignored silently.
   */
  only<M extends Message>(path: string, message: M, { known, ignored }: MessageFields<M>): void {
    for (const [field, value] of Object.entries(message)) {
      if (field === '$type' || isDefault(value)) continue;
      const picked = isOneof(value) ? value.$case : field;
      const member = `${field}.${picked}`;
      const reason = ignored[field] ?? ignored[member];
      if (!known.has(field) && !known.has(member)) this.problem(join(path, snakeCase(picked)), 'not supported');
      else if (reason !== undefined) this.findings.notes.push({ path: join(path, snakeCase(picked)), text: reason });
    }
  }

  /** Decodes what an `Any` holds, when it is of the wanted type. */
  unpack<M extends Message>(path: string, packed: Any | undefined, codec: Codec<M>): M | undefined {
    if (packed === undefined) {
      this.problem(path, 'missing');
      return undefined;
    }
    if (!isType(packed, codec)) {
      this.problem(path, `unsupported type ${packed.typeUrl === '' ? '(none)' : packed.typeUrl}`);
      return undefined;
    }
    try {
      return codec.decode(packed.value);
    } catch (error) {
      this.problem(path, `cannot be decoded: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  }

  /** A duration in milliseconds, or `fallback` when it is not set. Negative ones are refused. */
  duration(path: string, duration: Duration | undefined, fallback: number): number {
    if (duration === undefined) return fallback;
    const ms = duration.seconds * 1000 + duration.nanos / 1e6;
    if (!(ms >= 0) || duration.seconds < 0 || duration.nanos < 0) this.problem(path, 'negative duration');
    else if (ms > maxDurationMs) this.problem(path, `longer than ${Math.floor(maxDurationMs / 86_400_000)} days`);
    return Math.ceil(ms);
  }

  /** A duration that must be above 0. */
  positiveDuration(path: string, duration: Duration | undefined, fallback: number): number {
    const ms = this.duration(path, duration, fallback);
    if (ms === 0) this.problem(path, 'must be above 0');
    return ms;
  }

  required(path: string, text: string): string {
    if (text === '') this.problem(path, 'missing');
    return text;
  }
}

interface Codec<M extends Message> {
  readonly $type: M['$type'];
  decode(input: Uint8Array): M;
}

/** Whether an `Any` says it holds this type. */
export function isType(packed: Any | undefined, codec: { readonly $type: string }): boolean {
  return packed?.typeUrl === `type.googleapis.com/${codec.$type}`;
}

export function join(path: string, field: string): string {
  return path === '' ? field : `${path}.${field}`;
}

export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function isDefault(value: unknown): boolean {
  if (value === undefined || value === false || value === 0 || value === '') return true;
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length === 0;
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function isOneof(value: unknown): value is { $case: string } {
  return typeof value === 'object' && value !== null && '$case' in value && typeof value.$case === 'string';
}
