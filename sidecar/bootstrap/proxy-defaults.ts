import { type DefaultRow, showBytes, showCount, showMs } from '../../lib/default-row.ts';
import { Cluster } from '../../proto/gen/envoy/config/cluster/v3/cluster.ts';
import { RouteConfiguration } from '../../proto/gen/envoy/config/route/v3/route.ts';
import { defaultOutlier, defaultSpread } from '../cluster/cluster-config.ts';
import { firstAnswerMs } from '../cluster/dns/dns-endpoints.ts';
import { defaultUpstreamHttp } from '../cluster/upstream-http.ts';
import { decodeCluster } from '../discovery/decode-cluster.ts';
import { decodeRoute } from '../discovery/decode-route.ts';
import { maxAgeMs } from '../discovery/last-good.ts';
import { warmingMs } from '../discovery/warming.ts';
import { edgeLimits, meshLimits, responseLimits } from '../http1/limits.ts';
import { clientShare } from '../net/connection-limits.ts';
import { defaultMaxAtEdge, defaultMaxConnections } from '../net/listener-gate.ts';
import { inspectionTimeoutMs } from '../net/newcomer.ts';
import type { ForwardAction } from '../route/route-table.ts';
import { handshakeTimeoutMs } from '../tls/tls-acceptor.ts';

type Row = readonly [name: string, value: string, reason: string];

/** What holds in a proxy where its configuration says nothing, with the reason. Read from what the code uses. */
export function proxyDefaults(): DefaultRow[] {
  const groups: Readonly<Record<string, readonly Row[]>> = {
    cluster: clusterRows(),
    'cluster outlier_detection': outlierRows(),
    'cluster HTTP/2': http2Rows(),
    route: routeRows(),
    listener: listenerRows(),
    'HTTP/1 limits': limitRows(),
    discovery: [
      ['warming', showMs(warmingMs), 'what is referred to is waited for so long, then the rest goes on without'],
      ['first answer by DNS', showMs(firstAnswerMs), 'a silent name server keeps no listener down; it is asked again'],
      ['last good state, oldest', showMs(maxAgeMs), 'older endpoints are more likely wrong than right'],
    ],
  };
  return Object.entries(groups).flatMap(([group, rows]) =>
    rows.map(([name, value, reason]) => ({ group, name, value, reason })),
  );
}

function clusterRows(): Row[] {
  const decoded = decodeCluster(Cluster.fromPartial({ name: 'any' }));
  if (!decoded.ok) throw new Error(decoded.problems.join('; '));
  const { connectTimeoutMs, idleTimeoutMs, breakers, balancer } = decoded.value.config;
  const { panicThresholdPercent } = defaultSpread;
  return [
    ['connect_timeout', showMs(connectTimeoutMs), 'TCP and TLS together; within a site they take milliseconds'],
    [
      'common_http_protocol_options.idle_timeout',
      showMs(idleTimeoutMs),
      'below the 5 s after which Node closes, so that no request meets a closing connection; the rest is learned',
    ],
    ['lb_policy', balancer.kind, 'Envoy’s default; a mesh says PeakEwma'],
    ['circuit_breakers max_connections', showCount(breakers.maxConnections), 'Envoy’s default; always on'],
    ['circuit_breakers max_pending_requests', showCount(breakers.maxPendingRequests), 'Envoy’s default; always on'],
    ['circuit_breakers max_requests', showCount(breakers.maxRequests), 'Envoy’s default; always on'],
    ['retry_budget budget_percent', `${breakers.retryBudgetPercent} %`, 'retries cannot multiply the load'],
    ['retry_budget min_retry_concurrency', showCount(breakers.minRetryConcurrency), 'a quiet service has retries, too'],
    ['healthy_panic_threshold', `${panicThresholdPercent} %`, 'with fewer available, the checks are doubted more'],
  ];
}

function outlierRows(): Row[] {
  const outlier = defaultOutlier;
  return [
    ['consecutive_5xx', showCount(outlier.consecutive5xx), 'five in a row are no chance'],
    ['base_ejection_time', showMs(outlier.baseEjectionMs), 'time to restart; each further ejection lasts longer'],
    ['max_ejection_time', showMs(outlier.maxEjectionMs), 'what was repaired comes back'],
    ['max_ejection_percent', `${outlier.maxEjectionPercent} %`, 'the rest must carry the load; the last one stays'],
    ['interval', showMs(outlier.intervalMs), 'Envoy’s default'],
  ];
}

function http2Rows(): Row[] {
  const { http2 } = defaultUpstreamHttp;
  return [
    ['max_concurrent_streams', showCount(http2.maxConcurrentStreams), 'as many as the cluster may have requests'],
    ['initial_stream_window_size', showBytes(http2.initialStreamWindowBytes), 'bounds what one stream holds in memory'],
    ['initial_connection_window_size', showBytes(http2.initialConnectionWindowBytes), 'and what all of them do'],
    ['connection_keepalive.interval', showMs(http2.keepaliveIntervalMs), 'a dead peer is found before a request is'],
    ['connection_keepalive.timeout', showMs(http2.keepaliveTimeoutMs), 'long enough for a pause of its collector'],
  ];
}

/** What the simplest route becomes; with `retryOn`, one that has a retry policy. */
function simplestRoute(retryOn: string): ForwardAction {
  const retryPolicy = retryOn === '' ? undefined : { retryOn };
  const routes = [{ match: { prefix: '/' }, route: { cluster: 'any', retryPolicy } }];
  const virtualHosts = [{ name: 'any', domains: ['*'], routes }];
  const decoded = decodeRoute(RouteConfiguration.fromJSON({ name: 'any', virtualHosts }));
  const action = decoded.ok ? decoded.value.virtualHosts[0]?.routes[0]?.action : undefined;
  if (action?.kind !== 'forward') throw new Error('the simplest route does not forward');
  return action;
}

function routeRows(): Row[] {
  const { timeoutMs, retry: without, notFoundStatus } = simplestRoute('');
  const { retry } = simplestRoute('5xx');
  return [
    ['timeout', showMs(timeoutMs), 'the whole request with all tries; Envoy’s default'],
    ['retries without retry_policy', showCount(without.attempts), 'as in Envoy; a mesh says one'],
    ['retry_policy.num_retries', showCount(retry.attempts), 'where there is a policy: one more try'],
    ['retry_back_off.base_interval', showMs(retry.backoffBaseMs), 'Envoy’s default; the first retry comes soon'],
    ['retry_back_off.max_interval', showMs(retry.backoffMaxMs), 'ten times the base'],
    ['cluster_not_found_response_code', String(notFoundStatus), 'Envoy’s default'],
  ];
}

function listenerRows(): Row[] {
  return [
    ['open connections', showCount(defaultMaxConnections), 'bounded memory; the next one is refused and counted'],
    [
      'open connections of all listeners',
      `${100 * clientShare} % of the file descriptors`,
      'the rest is for upstreams and everything else',
    ],
    ['open connections of one address, at the edge', showCount(defaultMaxAtEdge), 'one client cannot take all of them'],
    ['listener_filters_timeout', showMs(inspectionTimeoutMs), 'a connection whose kind is not known yet is not kept'],
    ['TLS handshake', showMs(handshakeTimeoutMs), 'a handshake takes milliseconds; who dawdles holds a place'],
  ];
}

function limitRows(): Row[] {
  const row = (name: string, value: string, reason: string): Row => [name, value, reason];
  return [
    row('start line', showBytes(edgeLimits.maxStartLineBytes), 'what other proxies take'),
    row('request head, from outside', showBytes(edgeLimits.maxHeaderBytes), 'what clients send, with cookies'),
    row('request head, in the mesh', showBytes(meshLimits.maxHeaderBytes), 'grown by what gateways and sidecars add'),
    row('response head', showBytes(responseLimits.maxHeaderBytes), 'upstreams are trusted more than clients'),
    row('fields of a head', showCount(edgeLimits.maxFields), 'cookies are counted apart'),
    row('requests of a connection', showCount(edgeLimits.maxRequests), 'load moves to new endpoints in the end'),
    row(
      'slowest body, from outside',
      `${showBytes(edgeLimits.minBodyBytesPerSecond)}/s`,
      'slower than any link: an attack',
    ),
    row('response not read', showMs(edgeLimits.flushTimeoutMs), 'memory is not kept for who does not read'),
  ];
}
