import { type KeyboardEvent, useState } from 'react';
import type { Span } from '../../../proto/api/v1.ts';
import { formatTick } from '../format.ts';
import type { Pair } from './hops.ts';
import { SpanRow } from './span-row.tsx';
import { type TimeRange, ticksOf } from './time-axis.ts';

interface WaterfallProps {
  spans: readonly Span[];
  pairs: ReadonlyMap<Span, Pair>;
  range: TimeRange;
}

/** Spans in the order of the tree, each with its bar in time. Arrow keys move between rows, Enter opens one. */
export function Waterfall({ spans, pairs, range }: WaterfallProps) {
  const [open, setOpen] = useState<ReadonlySet<string>>(() => new Set(firstTrouble(spans)));
  const toggle = (id: string) =>
    setOpen((before) => new Set(before.has(id) ? [...before].filter((one) => one !== id) : [...before, id]));
  return (
    <section aria-label="Waterfall" className="waterfall">
      <div className="waterfall-head" aria-hidden="true">
        <span>Service and operation</span>
        <div className="axis">
          {ticksOf(range, 5).map((tick) => (
            <span key={tick} style={{ left: `${((tick - range.from) / (range.to - range.from)) * 100}%` }}>
              {formatTick(tick)}
            </span>
          ))}
        </div>
        <span className="number">Duration</span>
      </div>
      <ol onKeyDown={moveFocus}>
        {spans.map((span, index) => (
          <SpanRow
            key={span.spanId}
            span={span}
            pair={pairs.get(span)}
            joined={isJoined(spans, index, pairs)}
            range={range}
            open={open.has(span.spanId)}
            onToggle={() => toggle(span.spanId)}
          />
        ))}
      </ol>
    </section>
  );
}

/** The span to look at first: the deepest one in error, as the others only pass it on. */
function firstTrouble(spans: readonly Span[]): string[] {
  const worst = spans
    .filter((span) => span.error)
    .reduce<Span | undefined>((best, span) => {
      return best === undefined || span.depth > best.depth ? span : best;
    }, undefined);
  return worst === undefined ? [] : [worst.spanId];
}

/** Which side of a hop this row is, when the other side is the next or the previous row. */
function isJoined(spans: readonly Span[], index: number, pairs: ReadonlyMap<Span, Pair>): 'top' | 'bottom' | '' {
  const span = spans[index];
  const pair = span && pairs.get(span);
  if (pair === undefined) return '';
  if (pair.client === span) return spans[index + 1] === pair.server ? 'top' : '';
  return spans[index - 1] === pair.client ? 'bottom' : '';
}

function moveFocus(event: KeyboardEvent<HTMLOListElement>): void {
  const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
  if (step === 0) return;
  const rows = [...event.currentTarget.querySelectorAll<HTMLButtonElement>('.span-line')];
  const next = rows[rows.indexOf(document.activeElement as HTMLButtonElement) + step];
  if (next === undefined) return;
  event.preventDefault();
  next.focus();
}
