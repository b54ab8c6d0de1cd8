import type { ReactNode } from 'react';
import type { Span } from '../../../proto/api/v1.ts';
import { formatDuration } from '../format.ts';
import { Lock } from '../parts/icons.tsx';
import { Link } from '../parts/link.tsx';
import { StatusCode } from '../parts/status-code.tsx';
import { Text } from '../parts/text.tsx';
import { pathWith } from '../router.ts';
import type { Pair } from './hops.ts';
import { flagMeanings } from './response-flags.ts';

/** What this proxy decided for the request, and everything it reported. */
export function SpanDetail({ span, pair }: { span: Span; pair: Pair | undefined }) {
  const attributes = Object.entries(span.attributes)
    .filter(([key]) => !key.startsWith('heddle.attempt.'))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return (
    <div className="detail">
      <dl className="decision">
        <Decisions span={span} pair={pair} />
      </dl>
      <details>
        <summary>All {attributes.length} attributes</summary>
        <dl className="attributes mono">
          {attributes.map(([key, value]) => (
            <div key={key}>
              <dt>
                <Text value={key} limit={60} />
              </dt>
              <dd>
                <Text value={String(value)} limit={300} />
              </dd>
            </div>
          ))}
        </dl>
      </details>
    </div>
  );
}

function Decisions({ span, pair }: { span: Span; pair: Pair | undefined }) {
  const text = (key: string) => String(span.attributes[key] ?? '');
  const upstream = span.kind === 'client';
  const flags = span.flags === '' ? [] : span.flags.split(',');
  return (
    <>
      {span.reason !== '' && (
        <Decision name="Reason">
          <span className="health-bad strong">
            <Text value={span.reason} limit={200} />
          </span>
        </Decision>
      )}
      {flags.map((flag) => (
        <Decision key={flag} name="Response flag">
          <strong>
            <Text value={flag} limit={16} />
          </strong>{' '}
          {flagMeanings[flag] ?? ''}
        </Decision>
      ))}
      <Decision name="Route matched">
        {span.route === '' ? (
          <Missing>none</Missing>
        ) : (
          <Link href={pathWith('/traces', { route: span.route })} title="Traces of this route">
            <Text value={span.route} limit={90} />
          </Link>
        )}
      </Decision>
      <Decision name="Cluster">
        {text('heddle.cluster') === '' ? <Missing>none</Missing> : <Text value={text('heddle.cluster')} limit={90} />}
      </Decision>
      {upstream && (
        <Decision name="Endpoint chosen">
          {text('heddle.upstream') === '' ? (
            <Missing>none</Missing>
          ) : (
            <>
              <Text value={text('heddle.workload')} limit={60} />{' '}
              <Text value={text('heddle.upstream')} limit={60} className="muted" />
            </>
          )}
        </Decision>
      )}
      <Decision name={upstream ? 'Upstream identity' : 'Caller identity'}>
        {span.peer === '' ? <Missing>none proved</Missing> : <Text value={span.peer} limit={120} />}
      </Decision>
      <Decision name="Transport">
        <Transport span={span} />
      </Decision>
      {upstream && (
        <Decision name="Attempts">
          <Attempts span={span} />
        </Decision>
      )}
      <Decision name="Response">
        <StatusCode status={span.status} error={span.error} />
      </Decision>
      {pair !== undefined && (
        <Decision name="Between proxies">
          {formatDuration(pair.outMs)} there, {formatDuration(pair.backMs)} back
        </Decision>
      )}
    </>
  );
}

function Transport({ span }: { span: Span }) {
  const mtls = span.attributes['heddle.mtls'];
  if (mtls === true) {
    return (
      <>
        <Lock closed /> mTLS
      </>
    );
  }
  if (span.kind === 'client' && span.attributes['heddle.upstream'] === undefined)
    return <Missing>no connection</Missing>;
  return (
    <>
      <Lock closed={false} /> {mtls === false ? 'no mTLS' : 'unknown'}
    </>
  );
}

function Attempts({ span }: { span: Span }) {
  const failed = Object.entries(span.attributes).filter(([key]) => key.startsWith('heddle.attempt.'));
  const count = Number(span.attributes['heddle.attempts'] ?? span.retries + 1);
  return (
    <>
      {count}
      {span.retries > 0 && ` (${span.retries} ${span.retries === 1 ? 'retry' : 'retries'})`}
      {failed.map(([key, value]) => (
        <span key={key} className="failed-attempt">
          failed: <Text value={String(value)} limit={160} className="mono" />
        </span>
      ))}
    </>
  );
}

function Decision({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Missing({ children }: { children: ReactNode }) {
  return <span className="muted">{children}</span>;
}
