import os from 'node:os';
import type { FootprintResult } from './footprint/measure-footprint.ts';
import { footprintRows, footprintVerdicts } from './footprint/report-footprint.ts';
import type { Measurement, ScenarioResult } from './measure.ts';
import type { Expectation } from './scenario.ts';
import { median, type Ratio, ratios } from './statistics.ts';

export interface Results {
  scenarios: readonly ScenarioResult[];
  footprint: FootprintResult | undefined;
}

/** One table as rows of cells, the first being its head, with what is said above and below it. */
interface Section {
  title: string;
  rows: readonly (readonly string[])[];
  notes: readonly string[];
}

export const renderText = (results: Results): string => render(results, textTable, (name) => name);

/** The same as Markdown, for docs/performance.md. */
export const renderMarkdown = (results: Results): string => render(results, markdownTable, (name) => `### ${name}`);

export function renderJson({ scenarios, footprint }: Results): string {
  const written = scenarios.map(({ scenario, measurements, absent }) => {
    const { name, description, unit, reference, expected } = scenario;
    const other = find(measurements, reference);
    return {
      ...{ name, description, unit, reference, absent },
      measurements: measurements.map((each) => ({ ...each, ratio: other && ratios(each.cpuMicros, other.cpuMicros) })),
      expected: expected.map((one) => ({ ...one, got: figureOf(one, measurements) })),
    };
  });
  return `${JSON.stringify({ machine: machine(), scenarios: written, footprint }, undefined, 2)}\n`;
}

/** Whether each expectation of a scenario was met, in words. */
export function verdicts({ scenario, measurements }: ScenarioResult): string[] {
  return scenario.expected.map((one) => {
    const { candidate, than, figure, atMost } = one;
    const what = `${candidate}, ${figure === 'cpu' ? 'CPU' : 'p99'}: expected at most ${atMost} x ${than}`;
    const got = figureOf(one, measurements);
    if (got === undefined) return `${what}: not measured`;
    return `${what}: ${got.median.toFixed(2)}, ${got.median <= atMost ? 'met' : 'MISSED'}`;
  });
}

function render({ scenarios, footprint }: Results, table: typeof textTable, heading: (name: string) => string): string {
  const sections: Section[] = scenarios.map((result) => ({
    title: `${heading(result.scenario.name)}\n${result.scenario.description}`,
    rows: rowsOf(result),
    notes: [...absences(result.absent), ...verdicts(result)],
  }));
  if (footprint !== undefined) {
    sections.push({
      title: `${heading('footprint')}\n${footprint.description}`,
      rows: footprintRows(footprint),
      notes: [...absences(footprint.absent), ...footprintVerdicts(footprint)],
    });
  }
  const { cpu, cores, kernel, node } = machine();
  return [
    `${cpu}, ${cores} cores, Linux ${kernel}, Node ${node}\n`,
    ...sections.map(({ title, rows, notes }) => `${title}\n\n${table(rows)}\n\n${notes.join('  \n')}\n`),
  ].join('\n');
}

function rowsOf({ scenario, measurements }: ScenarioResult): string[][] {
  const reference = find(measurements, scenario.reference);
  const head = ['candidate', `CPU µs/${scenario.unit}`, 'ratio', 'least-most', `${scenario.unit}/s`];
  return [
    [...head, 'p50 ms', 'p99 ms', 'RSS MiB', 'errors', 'version'],
    ...measurements.map((each) => {
      const ratio = reference && ratios(each.cpuMicros, reference.cpuMicros);
      const middle = (values: readonly number[]) => (values.length === 0 ? '-' : median(values).toFixed(2));
      return [
        each.candidate,
        median(each.cpuMicros).toFixed(1),
        ratio === undefined ? '-' : ratio.median.toFixed(2),
        ratio === undefined ? '-' : `${ratio.min.toFixed(2)}-${ratio.max.toFixed(2)}`,
        median(each.perSecond).toFixed(0),
        middle(each.p50Ms),
        middle(each.p99Ms),
        each.rssMiB.toFixed(0),
        String(each.errors),
        each.version,
      ];
    }),
  ];
}

const absences = (absent: readonly { candidate: string; reason: string }[]): string[] =>
  absent.map(({ candidate, reason }) => `${candidate}: absent, ${reason}`);

function figureOf({ candidate, than, figure }: Expectation, measurements: readonly Measurement[]): Ratio | undefined {
  const [own, other] = [find(measurements, candidate), find(measurements, than)];
  if (own === undefined || other === undefined) return undefined;
  return figure === 'cpu' ? ratios(own.cpuMicros, other.cpuMicros) : ratios(own.p99Ms, other.p99Ms);
}

const find = (measurements: readonly Measurement[], name: string): Measurement | undefined =>
  measurements.find(({ candidate }) => candidate === name);

function textTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function markdownTable([head = [], ...rows]: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

function machine() {
  return {
    cpu: os.cpus()[0]?.model ?? 'unknown CPU',
    cores: os.cpus().length,
    kernel: os.release(),
    node: process.versions.node,
  };
}
