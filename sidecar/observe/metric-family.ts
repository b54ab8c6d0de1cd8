/** One line of an exposition. */
export interface Sample {
  /** Defaults to the family's name; `_bucket`, `_sum` and `_count` of a histogram. */
  metricName?: string;
  /** Labels of this line alone. */
  labels: Readonly<Record<string, string | number>>;
  /** Long-lived labels; the exposition keeps their rendered form by object. */
  sharedLabels?: Readonly<Record<string, string>>;
  value: number;
}

/** A metric as a scrape sees it. Recording is the business of whoever implements it. */
export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  collect(): Sample[];
}

/** A gauge or counter without labels, read when collected. */
export function scalar(name: string, type: 'counter' | 'gauge', help: string, read: () => number): MetricFamily {
  return { name, help, type, collect: () => [{ labels: {}, value: read() }] };
}
