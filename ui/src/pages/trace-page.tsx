import { useMemo, useState } from 'react';
import type { Trace } from '../../../proto/api/v1.ts';
import { formatDateTime, formatDuration } from '../format.ts';
import { CopyButton } from '../parts/copy-button.tsx';
import { EmptyState, Notice } from '../parts/empty-state.tsx';
import { StatusCode } from '../parts/status-code.tsx';
import { Text } from '../parts/text.tsx';
import { pairHops } from '../traces/hops.ts';
import { Minimap } from '../traces/minimap.tsx';
import { operationOf } from '../traces/operation.ts';
import type { TimeRange } from '../traces/time-axis.ts';
import { Waterfall } from '../traces/waterfall.tsx';
import { usePoll } from '../use-poll.ts';

/** One trace: every hop in time, and what its proxies decided. */
export function TracePage({ id }: { id: string }) {
  // Spans of one trace arrive from several proxies; once a few seconds old it no longer grows.
  const [settled, setSettled] = useState(false);
  const { data, error, status } = usePoll<Trace>(`/api/v1/traces/${id}`, settled);
  const old = data !== undefined && Date.now() - Date.parse(data.startTime) - data.durationMs > 30_000;
  if (old && !settled) setSettled(true);
  if (data === undefined && status === 404) {
    return (
      <EmptyState title="This trace is not here" commands={['heddle trace ls']}>
        Its spans may still be on their way, or it is older than the time for which traces are kept.
      </EmptyState>
    );
  }
  return (
    <>
      <Notice error={error} stale={data !== undefined} />
      {data !== undefined && <TraceView trace={data} />}
    </>
  );
}

function TraceView({ trace }: { trace: Trace }) {
  const whole: TimeRange = { from: 0, to: Math.max(trace.durationMs, 0.001) };
  const [zoom, setZoom] = useState<TimeRange | undefined>();
  const pairs = useMemo(() => pairHops(trace.spans), [trace]);
  const range = zoom ?? whole;
  return (
    <>
      <TraceHead trace={trace} />
      <Minimap spans={trace.spans} whole={whole} zoom={zoom} onZoom={setZoom} />
      <Waterfall spans={trace.spans} pairs={pairs} range={range} />
      <p className="legend">
        <span>
          <i className="swatch swatch-client" /> client span: as the caller's proxy saw it
        </span>
        <span>
          <i className="swatch swatch-server" /> server span: as the called proxy saw it
        </span>
        <span>
          <i className="swatch swatch-gap" /> between the two proxies
        </span>
        <span>
          <i className="swatch swatch-error" /> error
        </span>
      </p>
    </>
  );
}

function TraceHead({ trace }: { trace: Trace }) {
  const root = trace.spans[0];
  const errors = trace.spans.filter((span) => span.error).length;
  const services = new Set(trace.spans.map((span) => `${span.service}.${span.attributes['service.namespace']}`)).size;
  return (
    <div className="page-head trace-head">
      <div>
        <h1>
          <Text value={root === undefined ? 'Trace' : operationOf(root)} limit={90} />{' '}
          {root !== undefined && <StatusCode status={root.status} error={root.error} />}
        </h1>
        <p className="subtitle mono">
          {trace.traceId} <CopyButton text={trace.traceId} what="trace id" />
        </p>
      </div>
      <dl className="facts">
        <Fact name="Entered at" value={<Text value={root?.service ?? ''} limit={32} />} />
        <Fact name="Started" value={formatDateTime(trace.startTime)} />
        <Fact name="Duration" value={formatDuration(trace.durationMs)} />
        <Fact name="Services" value={services} />
        <Fact name="Spans" value={trace.spans.length} />
        <Fact name="Errors" value={<span className={errors > 0 ? 'health-bad' : undefined}>{errors}</span>} />
      </dl>
    </div>
  );
}

function Fact({ name, value }: { name: string; value: React.ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
