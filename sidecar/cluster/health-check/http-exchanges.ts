import type { RequestHead } from '../../stream/head.ts';
import { Headers } from '../../stream/headers.ts';
import type { GrpcProbeConfig, HttpProbeConfig, StatusRange } from './health-check-config.ts';
import type { HttpAnswer, HttpExchange } from './http-probe.ts';
import { containsInOrder, type ProbeResult } from './probe.ts';

/** What a check says it is. */
const userAgent = 'heddle-health-check';

/** A plain request; the status decides, and the body where texts are expected in it. */
export function httpExchange(config: HttpProbeConfig, authority: string, scheme: 'http' | 'https'): HttpExchange {
  const { method, path, body, headers, withoutHeaders, protocol } = config;
  return {
    protocol,
    maxBodyBytes: config.maxBodyBytes,
    body,
    head: () => {
      const fields = new Headers();
      if (!withoutHeaders.includes('user-agent')) fields.append('user-agent', userAgent);
      for (const { name, value } of headers) fields.append(name, value);
      return requestHead({ method, path, authority, scheme, protocol, headers: fields, contentLength: body?.length });
    },
    judge: (answer) => judgeHttp(config, answer),
  };
}

function judgeHttp(config: HttpProbeConfig, { head, body }: HttpAnswer): ProbeResult {
  const { status, headers } = head;
  if (headers.has('x-envoy-immediate-health-check-fail')) {
    return { outcome: 'unhealthy', reason: 'asked-to-fail', detail: 'the answer asks to be taken out of service' };
  }
  if (!isWithin(status, config.expectedStatuses)) {
    const retriable = isWithin(status, config.retriableStatuses);
    return { outcome: retriable ? 'failed' : 'unhealthy', reason: 'status', detail: `the status is ${status}` };
  }
  if (!containsInOrder(body, config.receive)) {
    return { outcome: 'unhealthy', reason: 'body', detail: 'the body has not what is expected in it' };
  }
  return { outcome: headers.has('x-envoy-degraded') ? 'degraded' : 'healthy', reason: 'status', detail: '' };
}

/** `grpc.health.v1.Health/Check`; only SERVING is healthy. */
export function grpcExchange(config: GrpcProbeConfig, authority: string, scheme: 'http' | 'https'): HttpExchange {
  const service = Buffer.from(config.serviceName);
  // A message of one field, a string; its length is below 128 (checked when it is read).
  const message = service.length === 0 ? service : Buffer.concat([Buffer.from([0x0a, service.length]), service]);
  const body = Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]);
  return {
    protocol: 'http2',
    maxBodyBytes: 1_024,
    body,
    head: () => {
      const fields = Headers.of({ 'content-type': 'application/grpc', te: 'trailers', 'user-agent': userAgent });
      for (const { name, value } of config.headers) fields.append(name, value);
      return requestHead({
        method: 'POST',
        path: '/grpc.health.v1.Health/Check',
        authority,
        scheme,
        protocol: 'http2',
        headers: fields,
        contentLength: undefined,
      });
    },
    judge: judgeGrpc,
  };
}

const servingNames = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];

function judgeGrpc({ head, body, trailers }: HttpAnswer): ProbeResult {
  const grpcStatus = trailers?.get('grpc-status') ?? head.headers.get('grpc-status');
  if (head.status !== 200 || grpcStatus !== '0') {
    const detail = `the status is ${head.status} and the gRPC status ${grpcStatus ?? 'missing'}`;
    // UNIMPLEMENTED: there is no health service, and there will be none at the next check.
    return { outcome: grpcStatus === '12' ? 'unhealthy' : 'failed', reason: 'grpc-status', detail };
  }
  // After the 5 bytes of the frame: field 1, a varint; absent it is 0.
  const serving = body.length >= 7 && body[5] === 0x08 ? (body[6] ?? 0) : 0;
  if (serving === 1) return { outcome: 'healthy', reason: 'serving', detail: '' };
  return { outcome: 'unhealthy', reason: 'not-serving', detail: `it says ${servingNames[serving] ?? serving}` };
}

function requestHead(parts: {
  method: string;
  path: string;
  authority: string;
  scheme: 'http' | 'https';
  protocol: 'http1' | 'http2';
  headers: Headers;
  contentLength: number | undefined;
}): RequestHead {
  const { protocol, ...rest } = parts;
  return {
    ...rest,
    version: protocol === 'http2' ? '2' : '1.1',
    absoluteForm: false,
    upgrade: undefined,
    expectContinue: false,
  };
}

function isWithin(status: number, ranges: readonly StatusRange[]): boolean {
  return ranges.some(([start, end]) => status >= start && status < end);
}
