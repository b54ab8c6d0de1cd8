import { formatResponseFlags } from '../stream/response-flags.ts';
import { jsonString } from './json-string.ts';
import { redactQuery } from './redact-query.ts';
import type { StreamInfo, TcpInfo } from './stream-info.ts';

/** One JSON line for a request, with Envoy's field names. Header values other than the user agent are never logged. */
export function accessLogLine(info: StreamInfo): string {
  const ttfb = info.upstreamFirstByteTime > 0 ? millis(info.upstreamFirstByteTime - info.startTime) : 'null';
  return (
    `{"start_time":"${timestamp(info.startWallTime)}","direction":"${info.direction}"` +
    `,"method":${jsonString(info.method)},"path":${jsonString(redactQuery(info.path))}` +
    `,"authority":${jsonString(info.authority)},"protocol":"HTTP/${info.protocol}"` +
    `,"response_code":${info.status},"response_flags":"${formatResponseFlags(info.flags)}"` +
    `,"reason":${textOrNull(info.reason)},"route_name":${textOrNull(info.route)}` +
    `,"duration_ms":${millis(info.endTime - info.startTime)},"upstream_ttfb_ms":${ttfb}` +
    `,"upstream_protocol":${info.upstreamProtocol === '' ? 'null' : `"HTTP/${info.upstreamProtocol}"`}` +
    `,"bytes_received":${info.bytesReceived},"bytes_sent":${info.bytesSent},"attempts":${info.attemptCount}` +
    `,"request_id":${textOrNull(info.requestId)},"trace_id":${textOrNull(info.trace?.traceId ?? '')}` +
    `,"user_agent":${textOrNull(info.userAgent)}${sides(info)}${rarities(info)}}\n`
  );
}

/** What most requests do not have. */
function rarities(info: StreamInfo): string {
  const grpc = info.grpcStatus === undefined ? '' : `,"grpc_status":${info.grpcStatus}`;
  return info.mirroredTo === '' ? grpc : `${grpc},"mirrored_to":${jsonString(info.mirroredTo)}`;
}

/** The same for a relayed connection. */
export function tcpLogLine(info: TcpInfo): string {
  return (
    `{"start_time":"${timestamp(info.startWallTime)}","direction":"${info.direction}","protocol":"TCP"` +
    `,"response_flags":"${formatResponseFlags(info.flags)}","reason":${textOrNull(info.reason)}` +
    `,"duration_ms":${millis(info.durationMs)},"bytes_received":${info.bytesReceived}` +
    `,"bytes_sent":${info.bytesSent}${sides(info)}}\n`
  );
}

function sides(info: StreamInfo | TcpInfo): string {
  return (
    `,"upstream_cluster":${textOrNull(info.cluster)},"upstream_host":${textOrNull(info.upstreamAddress)}` +
    `,"upstream_peer":${textOrNull(info.upstreamPeer)}` +
    `,"downstream_remote_address":${textOrNull(info.downstreamAddress)}` +
    `,"downstream_peer":${textOrNull(info.downstreamPeer)},"listener":${jsonString(info.listener)}`
  );
}

function textOrNull(text: string): string {
  return text === '' ? 'null' : jsonString(text);
}

function millis(ms: number): string {
  return String(Math.round(Math.max(0, ms) * 1_000) / 1_000);
}

let lastSecond = -1;
let lastPrefix = '';

/** ISO 8601 in UTC; all of one second share their first part. */
function timestamp(wallMs: number): string {
  const second = Math.floor(wallMs / 1_000);
  if (second !== lastSecond) {
    lastSecond = second;
    lastPrefix = new Date(second * 1_000).toISOString().slice(0, 20);
  }
  return `${lastPrefix}${String(Math.floor(wallMs - second * 1_000)).padStart(3, '0')}Z`;
}
