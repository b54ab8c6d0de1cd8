/** One promise of the proxy, tried against a real process under a fault or an attack. */
export interface Scenario {
  /** The promise's id, for example `P-07`. */
  readonly id: string;
  readonly title: string;
  /** Runs it; `short` asks for a form of a minute at most. Throws when it could not be run at all. */
  run(context: ScenarioContext): Promise<Outcome>;
}

export interface ScenarioContext {
  readonly short: boolean;
  /** Scratch folder, removed at the end. */
  readonly folder: string;
  /** Tells a person what is going on. */
  progress(text: string): void;
}

export type Outcome =
  /** All figures, each with what was wanted; the promise holds when every one does. */
  | { kind: 'measured'; figures: readonly Figure[] }
  /** The fault cannot be made here. */
  | { kind: 'skipped'; reason: string };

export interface Figure {
  readonly name: string;
  readonly value: string;
  /** In words, for example `≤ 11 s`. */
  readonly wanted: string;
  readonly holds: boolean;
}

/** A figure that may be at most `limit`. */
export function atMost(name: string, value: number, limit: number, unit = ''): Figure {
  return { name, value: render(value, unit), wanted: `≤ ${render(limit, unit)}`, holds: value <= limit };
}

/** A figure that must be at least `limit`. */
export function atLeast(name: string, value: number, limit: number, unit = ''): Figure {
  return { name, value: render(value, unit), wanted: `≥ ${render(limit, unit)}`, holds: value >= limit };
}

/** A figure that must be just this. */
export function exactly(name: string, value: number | string | boolean, wanted: number | string | boolean): Figure {
  return { name, value: String(value), wanted: String(wanted), holds: value === wanted };
}

/** A figure told for its own sake. */
export function told(name: string, value: string): Figure {
  return { name, value, wanted: '-', holds: true };
}

function render(value: number, unit: string): string {
  const digits = Number.isInteger(value) ? 0 : Math.abs(value) < 10 ? 2 : 1;
  return `${value.toLocaleString('en', { maximumFractionDigits: digits })}${unit === '' ? '' : ` ${unit}`}`;
}
