import type { Span } from '../../../proto/api/v1.ts';
import { formatDuration } from '../format.ts';
import { Text } from '../parts/text.tsx';
import type { Pair } from './hops.ts';
import { operationOf } from './operation.ts';
import { SpanDetail } from './span-detail.tsx';
import { barOf, type TimeRange, ticksOf } from './time-axis.ts';

interface SpanRowProps {
  span: Span;
  pair: Pair | undefined;
  joined: 'top' | 'bottom' | '';
  range: TimeRange;
  open: boolean;
  onToggle: () => void;
}

const indentPx = 14;
/** Deeper spans stay at this indent, so that their names are still seen. */
const maxIndent = 10;

/** One line of the waterfall, and below it the decision of that proxy when it is open. */
export function SpanRow({ span, pair, joined, range, open, onToggle }: SpanRowProps) {
  const detail = `span-${span.spanId}`;
  const classes = ['span', joined && `span-${joined}`, open && 'span-open', span.error && 'span-error'];
  return (
    <li className={classes.filter(Boolean).join(' ')}>
      <button
        type="button"
        className="span-line"
        aria-expanded={open}
        aria-controls={open ? detail : undefined}
        onClick={onToggle}
      >
        <span className="span-name" style={{ paddingLeft: Math.min(span.depth, maxIndent) * indentPx }}>
          <span className="twist" aria-hidden="true">
            {open ? '▾' : '▸'}
          </span>
          <span className={`kind kind-${span.kind}`}>{span.kind}</span>
          <Text value={span.service} limit={28} className="strong" />
          <Text value={operationOf(span)} limit={60} className="operation" />
        </span>
        <Bar span={span} pair={pair} range={range} />
        <span className="number">{formatDuration(span.durationMs)}</span>
      </button>
      {open && (
        <div id={detail}>
          <SpanDetail span={span} pair={pair} />
        </div>
      )}
    </li>
  );
}

function Bar({ span, pair, range }: { span: Span; pair: Pair | undefined; range: TimeRange }) {
  const { left, width } = barOf(span.startMs, span.durationMs, range);
  const gaps = pair !== undefined && pair.client === span ? gapsOf(pair, range) : [];
  return (
    <span className="lane" aria-hidden="true">
      {ticksOf(range, 5).map((tick) => (
        <span
          key={tick}
          className="tick"
          style={{ left: `${((tick - range.from) / (range.to - range.from)) * 100}%` }}
        />
      ))}
      <span
        className={`bar-box bar-${span.error ? 'error' : span.kind} edge-${span.kind}`}
        style={{ left: `${left}%`, width: `${width}%` }}
      />
      {gaps.map((gap) => (
        <span key={gap.left} className="bar-gap" style={{ left: `${gap.left}%`, width: `${gap.width}%` }} />
      ))}
    </span>
  );
}

/** The two ends of a client span in which the other proxy had not begun, or had already ended. */
function gapsOf({ client, outMs, backMs }: Pair, range: TimeRange) {
  return [
    barOf(client.startMs, outMs, range),
    barOf(client.startMs + client.durationMs - backMs, backMs, range),
  ].filter((gap) => gap.width > 0.2);
}
