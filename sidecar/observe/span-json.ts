import { httpFromGrpc } from '../stream/grpc-status.ts';
import { formatResponseFlags, responseFlags } from '../stream/response-flags.ts';
import { type HopAttributes, writeHop, writePeerAddress } from './hop-attributes.ts';
import { jsonEscape } from './json-string.ts';
import { attributeKey, attributesOf, type OtlpWriter } from './otlp-json.ts';
import { redactQuery } from './redact-query.ts';
import type { Attempt, StreamInfo, TcpInfo, TraceContext } from './stream-info.ts';
import { unixNano } from './wall-offset.ts';

// SpanKind of opentelemetry.proto.trace.v1, as written.
type SpanKind = '2' | '3';
const serverKind = '2';
const clientKind = '3';

const brokenOff =
  responseFlags.UC.bit | responseFlags.UT.bit | responseFlags.UPE.bit | responseFlags.SI.bit | responseFlags.LR.bit;

const key = {
  method: attributeKey('http.request.method'),
  path: attributeKey('url.path'),
  query: attributeKey('url.query'),
  authority: attributeKey('server.address'),
  userAgent: attributeKey('user_agent.original'),
  requestSize: attributeKey('http.request.body.size'),
  responseSize: attributeKey('http.response.body.size'),
  status: attributeKey('http.response.status_code'),
  grpcStatus: attributeKey('rpc.grpc.status_code'),
  transport: attributeKey('network.transport'),
  attempts: attributeKey('heddle.attempts'),
  retries: attributeKey('heddle.retries'),
  requestId: attributeKey('heddle.request_id'),
  reason: attributeKey('heddle.reason'),
  flags: attributeKey('heddle.response_flags'),
  upstream: attributeKey('heddle.upstream'),
  durationUs: attributeKey('heddle.duration_us'),
  bytesReceived: attributeKey('heddle.bytes_received'),
  bytesSent: attributeKey('heddle.bytes_sent'),
};

const oneAttempt = `,${attributesOf((to) => to.int(key.attempts, 1).int(key.retries, 0))}`;

/** What a span needs to know beside the stream itself. */
export interface SpanContext {
  /** Own SPIFFE id. */
  ownId: string;
  /** Wall time of a monotonic time, both in milliseconds. */
  toWall(monotonicMs: number): number;
  hops: HopAttributes;
}

/** Writes the spans of one stream, comma separated: server inbound, client outbound, both at a gateway. */
export function writeStreamSpans(to: OtlpWriter, info: StreamInfo, trace: TraceContext, context: SpanContext): void {
  const { spanId, serverSpanId, parentSpanId } = trace;
  if (serverSpanId === undefined) {
    const kind = info.direction === 'inbound' ? serverKind : clientKind;
    writeStreamSpan(to, info, trace, kind, spanId, parentSpanId, context);
    return;
  }
  writeStreamSpan(to, info, trace, serverKind, serverSpanId, parentSpanId, context);
  // Where nothing was sent on, there is no second side.
  if (info.attemptCount === 0 && info.upstreamAddress === '') return;
  to.raw(',');
  writeStreamSpan(to, info, trace, clientKind, spanId, serverSpanId, context);
}

function writeStreamSpan(
  to: OtlpWriter,
  info: StreamInfo,
  trace: TraceContext,
  kind: SpanKind,
  spanId: string,
  parentSpanId: string | undefined,
  context: SpanContext,
): void {
  const queryAt = info.path.indexOf('?');
  const path = queryAt < 0 ? info.path : info.path.slice(0, queryAt);
  const isServer = kind === serverKind;
  const isGateway = trace.serverSpanId !== undefined;
  // The client side of a gateway begins with its first attempt; before that it matched and waited.
  const lead = isGateway && !isServer ? (info.attempts?.[0]?.startMs ?? 0) : 0;
  const start = context.toWall(info.startTime);
  const end = Math.max(start + lead, start + info.endTime - info.startTime);
  begin(to, trace.traceId, spanId, parentSpanId, `${info.method} ${info.route === '' ? path : info.route}`, kind);
  times(to, start + lead, end);
  to.raw(context.hops.of(info, isServer, context.ownId))
    .text(key.method, info.method)
    .text(key.path, path)
    .text(key.authority, info.authority)
    .text(key.userAgent, info.userAgent)
    .int(key.requestSize, info.bytesReceived)
    .int(key.responseSize, info.bytesSent)
    .text(key.requestId, info.requestId);
  if (queryAt >= 0) to.text(key.query, redactQuery(info.path).slice(queryAt + 1));
  if (isServer) writePeerAddress(to, info.downstreamAddress);
  writeOutcome(to, info);
  to.raw(']');
  // The attempts are told once, on the side that made them.
  if (info.attempts !== undefined && !(isGateway && isServer)) writeFailedAttempts(to, info.attempts, start);
  finish(to, isError(info));
}

/** One span for a relayed connection; it carries no context, so it is a trace of its own. */
export function writeTcpSpan(to: OtlpWriter, info: TcpInfo, trace: TraceContext, context: SpanContext): void {
  const isServer = info.direction === 'inbound';
  const name = `tcp ${info.service === '' ? info.cluster : info.service}`;
  begin(to, trace.traceId, trace.spanId, undefined, name, isServer ? serverKind : clientKind);
  times(to, info.startWallTime, info.startWallTime + info.durationMs);
  to.raw(attributesOf((hop) => writeHop(hop, info, isServer, context.ownId)))
    .text(key.transport, 'tcp')
    .int(key.bytesReceived, info.bytesReceived)
    .int(key.bytesSent, info.bytesSent)
    .text(key.reason, info.reason);
  if (info.flags !== 0) to.text(key.flags, formatResponseFlags(info.flags));
  writePeerAddress(to, isServer ? info.downstreamAddress : info.upstreamAddress);
  to.raw(']');
  finish(to, info.reason !== '');
}

function writeOutcome(to: OtlpWriter, info: StreamInfo): void {
  if (info.status !== 0) to.int(key.status, info.status);
  if (info.grpcStatus !== undefined) to.int(key.grpcStatus, info.grpcStatus);
  if (info.attemptCount === 1) to.raw(oneAttempt);
  else to.int(key.attempts, info.attemptCount).int(key.retries, Math.max(0, info.attemptCount - 1));
  to.text(key.reason, info.reason);
  if (info.flags !== 0) to.text(key.flags, formatResponseFlags(info.flags));
}

function isError(info: StreamInfo): boolean {
  // Of gRPC's statuses those that are the server's fault.
  if (info.grpcStatus !== undefined && httpFromGrpc(info.grpcStatus) >= 500) return true;
  return info.status >= 500 || info.status === 0 || (info.flags & brokenOff) !== 0;
}

function writeFailedAttempts(to: OtlpWriter, attempts: readonly Attempt[], start: number): void {
  const failed = attempts.filter(({ failure, status }) => failure !== '' || status === 0 || status >= 500);
  if (failed.length === 0) return;
  to.raw(',"events":[');
  for (const [i, attempt] of failed.entries()) {
    const time = unixNano(start + attempt.startMs + attempt.durationMs);
    const attributes = attributesOf((one) =>
      one
        .text(key.upstream, attempt.endpoint)
        .int(key.status, attempt.status)
        .text(key.flags, attempt.failure)
        .int(key.durationUs, attempt.durationMs * 1_000),
    );
    to.raw(`${i === 0 ? '' : ','}{"timeUnixNano":"${time}","name":"attempt","attributes":[${attributes}]}`);
  }
  to.raw(']');
}

function begin(
  to: OtlpWriter,
  traceId: string,
  spanId: string,
  parentSpanId: string | undefined,
  name: string,
  kind: SpanKind,
): void {
  to.raw('{"traceId":"', traceId, '","spanId":"', spanId);
  if (parentSpanId !== undefined) to.raw('","parentSpanId":"', parentSpanId);
  to.raw('","name":"', jsonEscape(name), kind === serverKind ? '","kind":2' : '","kind":3');
}

function times(to: OtlpWriter, startWall: number, endWall: number): void {
  to.raw(',"startTimeUnixNano":"', unixNano(startWall), '","endTimeUnixNano":"', unixNano(endWall), '","attributes":[');
}

function finish(to: OtlpWriter, error: boolean): void {
  to.raw(error ? ',"status":{"code":2}}' : '}');
}
