import type { Span, Trace } from '../../proto/api/v1.ts';
import { duration } from './duration.ts';
import { printable } from './printable.ts';
import type { Style } from './style.ts';

const narrowWidth = 100;
const gap = '  ';

/** A line of the waterfall before it is laid out. */
interface Line {
  readonly span: Span;
  readonly cells: readonly string[];
}

/**
 * A trace as text: one line a span with its place in the tree, a bar over the trace's time, and what the proxy decided.
 * Fits 100 columns by short names; `wide` prints identities and routes whole.
 */
export function renderWaterfall(trace: Trace, style: Style, wide: boolean): string {
  const headers = ['SERVICE', 'KIND', 'STATUS', 'DURATION', 'PEER', 'RETRIES', 'ROUTE'];
  const lines: Line[] = trace.spans.map((span, index) => ({
    span,
    cells: [
      `${treePrefix(trace.spans, index)}${span.service}`,
      span.kind,
      span.status === 0 ? (span.error ? 'error' : '-') : String(span.status),
      duration(span.durationMs),
      wide ? span.peer || '-' : shortIdentity(span.peer),
      String(span.retries),
      wide ? span.route || '-' : shortRoute(span.route),
    ].map(printable),
  }));
  const widths = headers.map((header, column) =>
    Math.max(header.length, ...lines.map((line) => line.cells[column]?.length ?? 0)),
  );
  const barWidth = layOut(widths, wide);
  const row = (cells: readonly string[], bar: string) =>
    [
      ...cells.slice(0, 4).map((cell, column) => padTo(cell, widths[column] ?? 0)),
      bar,
      ...cells.slice(4).map((cell, column) => padTo(cell, widths[column + 4] ?? 0)),
    ]
      .join(gap)
      .trimEnd();
  const body = lines.flatMap(({ span, cells }) => {
    const line = row(cells, timeBar(span, trace.durationMs, barWidth));
    const coloured = span.error ? style('red', line) : line;
    const note = [span.flags, span.reason].filter((part) => part !== '').join(' ');
    const indent = ' '.repeat((cells[0]?.search(/[^ │├└─]/) ?? 0) + 2);
    return note === '' ? [coloured] : [coloured, style('yellow', `${indent}! ${printable(note)}`)];
  });
  return `${[heading(trace, style), '', style('bold', row(headers, 'TIME'.padEnd(barWidth))), ...body].join('\n')}\n`;
}

function heading(trace: Trace, style: Style): string {
  const services = new Set(trace.spans.map((span) => span.service)).size;
  const errors = trace.spans.filter((span) => span.error).length;
  const root = trace.spans[0];
  const facts = [
    duration(trace.durationMs),
    `${trace.spans.length} spans`,
    `${services} services`,
    ...(errors > 0 ? [`${errors} errors`] : []),
    trace.startTime,
  ];
  return `${style('bold', `Trace ${trace.traceId}`)}  ${printable(root?.name ?? '')}\n${facts.join(', ')}`;
}

/** Narrows the columns that may be cut until all fits 100 columns; answers the width of the bar. */
function layOut(widths: number[], wide: boolean): number {
  if (wide) return 40;
  const used = () => widths.reduce((sum, width) => sum + width, 0) + gap.length * widths.length;
  const least = 12;
  // Service, route, peer: from the one that hurts least when cut.
  for (const [column, minimum] of [
    [6, 12],
    [4, 10],
    [0, 16],
  ] as const) {
    const excess = used() + least - narrowWidth;
    if (excess > 0) widths[column] = Math.max(Math.min(minimum, widths[column] ?? 0), (widths[column] ?? 0) - excess);
  }
  return Math.max(least, Math.min(40, narrowWidth - used()));
}

function padTo(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width);
}

function timeBar(span: Span, totalMs: number, width: number): string {
  const scale = totalMs > 0 ? width / totalMs : 0;
  const from = Math.min(width - 1, Math.max(0, Math.floor(span.startMs * scale)));
  const to = Math.min(width, Math.max(from + 1, Math.round((span.startMs + span.durationMs) * scale)));
  return (' '.repeat(from) + (span.kind === 'server' ? '█' : '▒').repeat(to - from)).padEnd(width);
}

/** Lines of the tree in front of a span: `│ ├ └`, from depths in depth-first order. */
function treePrefix(spans: readonly Span[], index: number): string {
  const depth = spans[index]?.depth ?? 0;
  let prefix = '';
  for (let level = 1; level <= depth; level++) {
    const more = hasLaterSibling(spans, index, level);
    if (level === depth) prefix += more ? '├ ' : '└ ';
    else prefix += more ? '│ ' : '  ';
  }
  return prefix;
}

/** Whether a span of `level` follows before the tree comes back to a lower one. */
function hasLaterSibling(spans: readonly Span[], index: number, level: number): boolean {
  for (let later = index + 1; later < spans.length; later++) {
    const depth = spans[later]?.depth ?? 0;
    if (depth === level) return true;
    if (depth < level) return false;
  }
  return false;
}

/** `spiffe://cluster.local/ns/shop/sa/cart` → `shop/cart`. */
export function shortIdentity(identity: string): string {
  const [, namespace, account] = /^spiffe:\/\/[^/]+\/ns\/([^/]+)\/sa\/([^/]+)$/.exec(identity) ?? [];
  if (namespace !== undefined) return `${namespace}/${account}`;
  return identity === '' ? '-' : identity;
}

/** `HTTPRoute/shop/ratings/rule/0` → `shop/ratings/0`, `default/shop/cart` → `default`, `inbound|3000` → `inbound`. */
export function shortRoute(route: string): string {
  const [, name, rule] = /^HTTPRoute\/(.+)\/rule\/(\d+)$/.exec(route) ?? [];
  if (name !== undefined) return `${name}/${rule}`;
  return /^(default(?=\/)|inbound(?=\|))/.exec(route)?.[0] ?? (route || '-');
}
