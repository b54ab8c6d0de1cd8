import { type PointerEvent, useRef, useState } from 'react';
import type { Span } from '../../../proto/api/v1.ts';
import { formatDuration } from '../format.ts';
import { barOf, type TimeRange, ticksOf } from './time-axis.ts';

interface MinimapProps {
  spans: readonly Span[];
  whole: TimeRange;
  zoom: TimeRange | undefined;
  onZoom: (range: TimeRange | undefined) => void;
}

const height = 44;

/** The whole trace at a glance; dragging over it zooms the waterfall. */
export function Minimap({ spans, whole, zoom, onZoom }: MinimapProps) {
  const box = useRef<SVGSVGElement>(null);
  const [drag, setDrag] = useState<TimeRange | undefined>();
  const timeAt = (event: PointerEvent): number => {
    const rect = box.current?.getBoundingClientRect();
    if (rect === undefined || rect.width === 0) return 0;
    return Math.min(1, Math.max(0, (event.clientX - rect.left) / rect.width)) * whole.to;
  };
  const end = () => {
    if (drag !== undefined && Math.abs(drag.to - drag.from) > whole.to / 100) {
      onZoom({ from: Math.min(drag.from, drag.to), to: Math.max(drag.from, drag.to) });
    }
    setDrag(undefined);
  };
  const shown = drag ?? zoom;
  const lane = Math.min(6, height / Math.max(spans.length, 1));
  return (
    <div className="minimap">
      <svg
        ref={box}
        role="img"
        aria-label={`Overview of ${spans.length} spans over ${formatDuration(whole.to)}; drag to zoom`}
        viewBox={`0 0 100 ${height}`}
        preserveAspectRatio="none"
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          setDrag({ from: timeAt(event), to: timeAt(event) });
        }}
        onPointerMove={(event) => drag !== undefined && setDrag({ from: drag.from, to: timeAt(event) })}
        onPointerUp={end}
        onPointerCancel={() => setDrag(undefined)}
      >
        {ticksOf(whole, 5).map((tick) => (
          <line
            key={tick}
            className="tick"
            x1={(100 * tick) / whole.to}
            x2={(100 * tick) / whole.to}
            y1="0"
            y2={height}
          />
        ))}
        {spans.map((span, index) => {
          const { left, width } = barOf(span.startMs, span.durationMs, whole);
          return (
            <rect
              key={span.spanId}
              className={`mini ${span.error ? 'mini-error' : `mini-${span.kind}`}`}
              x={left}
              width={Math.max(width, 0.3)}
              y={2 + index * lane * ((height - 4) / height)}
              height={Math.max(1, lane * 0.7)}
            />
          );
        })}
        {shown !== undefined && (
          <rect
            className="selection"
            x={(100 * Math.min(shown.from, shown.to)) / whole.to}
            width={(100 * Math.abs(shown.to - shown.from)) / whole.to}
            y="0"
            height={height}
          />
        )}
      </svg>
      {zoom !== undefined && (
        <button type="button" onClick={() => onZoom(undefined)}>
          Whole trace
        </button>
      )}
    </div>
  );
}
