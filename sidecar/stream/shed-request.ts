import { requestClasses } from '../overload/overload-state.ts';
import { matchRoute } from '../route/match.ts';
import { matchHeaders } from '../route/match-values.ts';
import type { BodyReceiver, ResponseWriter } from './codec.ts';
import { isGrpc, type RequestHead } from './head.ts';
import { Headers } from './headers.ts';
import type { StreamScope } from './stream-scope.ts';

const defaultClass = requestClasses.indexOf('default');
const highClass = requestClasses.indexOf('high');
const criticalClass = requestClasses.indexOf('critical');

/** Drops what is left of a request that has been answered. */
const dropped: BodyReceiver = { onData() {}, onTrailers() {}, onReset() {}, onWritable() {} };

/**
 * While requests are shed: answers one that is not important enough, as cheaply as can be, and gives the receiver of
 * its body; `undefined` where it must be served. There is no stream and no line in the log, only a count.
 */
export function shedRequest(scope: StreamScope, head: RequestHead, writer: ResponseWriter): BodyReceiver | undefined {
  const { overload } = scope;
  if (classOf(scope, head) >= overload.shedBelow) return undefined;
  overload.shedRequests++;
  const grpc = isGrpc(head);
  writer.head(
    { status: grpc ? 200 : 503, reason: '', headers: answer(grpc), contentLength: 0, upgrade: undefined },
    true,
  );
  return dropped;
}

/**
 * From the field by which our own proxies and applications tell it, else from the route. Health checks are critical:
 * those that a filter answers, and inside the mesh all; without them the others would think us dead. Strangers have no
 * other say.
 */
function classOf(scope: StreamScope, head: RequestHead): number {
  for (const headers of scope.filters.healthChecks) if (matchHeaders(headers, head)) return criticalClass;
  if (!scope.edge) {
    const told = head.headers.get('x-heddle-priority');
    const place = told === undefined ? -1 : (requestClasses as readonly string[]).indexOf(told);
    if (place >= 0) return place;
    if (isHealthCheck(head.headers.get('user-agent'))) return criticalClass;
  }
  const { table } = scope.routes;
  if (table === undefined || !table.hasPriorities) return defaultClass;
  const matched = matchRoute(table, head);
  if (matched.kind !== 'route' || matched.route.action.kind !== 'forward') return defaultClass;
  return matched.route.action.priority === 'high' ? highClass : defaultClass;
}

function isHealthCheck(userAgent: string | undefined): boolean {
  if (userAgent === undefined) return false;
  return userAgent.startsWith('kube-probe/') || userAgent === 'Envoy/HC' || userAgent.startsWith('heddle-health');
}

function answer(grpc: boolean): Headers {
  const headers = new Headers();
  if (grpc) {
    headers.appendRaw('content-type', 'content-type', 'application/grpc');
    headers.appendRaw('grpc-status', 'grpc-status', '14');
    headers.appendRaw('grpc-message', 'grpc-message', 'this proxy is overloaded');
  }
  headers.appendRaw('retry-after', 'retry-after', '1');
  headers.appendRaw('x-envoy-overloaded', 'x-envoy-overloaded', 'true');
  headers.appendRaw('x-heddle-reason', 'x-heddle-reason', 'overloaded');
  return headers;
}
