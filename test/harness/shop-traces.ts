import type { Random } from '../../lib/random.ts';

// Spans of the demo shop as its proxies export them: gateway → front → catalog, ratings and cart; gateway → checkout →
// cart. Every hop has a client span and a server span, with the attributes of the real observer.

type AttributeInput = Record<string, string | number | boolean>;

export interface ShopSpan {
  proxy: string;
  kind: 2 | 3;
  id: string;
  parent: string;
  name: string;
  startMs: number;
  durationMs: number;
  attributes: AttributeInput;
  failedAttempts?: AttributeInput[];
}

export interface ShopTrace {
  traceId: string;
  spans: ShopSpan[];
}

export const shopNamespace = 'shop';
export const spiffeId = (account: string) => `spiffe://cluster.local/ns/${shopNamespace}/sa/${account}`;

/** A body of `POST /v1/traces` for each proxy that took part, as they would arrive. */
export function exportRequests(traces: readonly ShopTrace[]): object[] {
  const all = traces.flatMap(({ traceId, spans }) => spans.map((span) => ({ traceId, span })));
  return [...Map.groupBy(all, ({ span }) => span.proxy)].map(([proxy, spans]) => ({
    resourceSpans: [
      {
        resource: {
          attributes: keyValues({
            'service.name': serviceOf(proxy),
            'service.namespace': shopNamespace,
            'service.instance.id': proxy,
            'heddle.proxy.mode': proxy.startsWith('edge') ? 'gateway' : 'sidecar',
          }),
        },
        scopeSpans: [
          { scope: { name: 'heddle', version: '0.1.0' }, spans: spans.map((one) => otlpSpan(one.traceId, one.span)) },
        ],
      },
    ],
  }));
}

const serviceOf = (proxy: string) => proxy.replace(/-(\d+|v\d+)$/, '');

function otlpSpan(traceId: string, span: ShopSpan): object {
  return {
    traceId,
    spanId: span.id,
    parentSpanId: span.parent,
    name: span.name,
    kind: span.kind,
    startTimeUnixNano: nanos(span.startMs),
    endTimeUnixNano: nanos(span.startMs + span.durationMs),
    attributes: keyValues(span.attributes),
    events: (span.failedAttempts ?? []).map((attributes) => ({
      name: 'attempt',
      timeUnixNano: nanos(span.startMs),
      attributes: keyValues(attributes),
    })),
    status: Number(span.attributes['http.response.status_code']) >= 500 ? { code: 2 } : {},
  };
}

const nanos = (ms: number) => `${BigInt(Math.round(ms * 1000)) * 1000n}`;

function keyValues(attributes: AttributeInput): object[] {
  return Object.entries(attributes).map(([key, value]) => ({
    key,
    value:
      typeof value === 'string'
        ? { stringValue: value }
        : typeof value === 'boolean'
          ? { boolValue: value }
          : { intValue: String(value) },
  }));
}

/** One call as the shop makes it; times are milliseconds after the caller's start. */
interface Call {
  to: string;
  workload?: string;
  path: string;
  at: number;
  took: number;
  status?: number;
  /** The endpoint's first answer was a reset, so that the proxy tried another one. */
  retried?: boolean;
  /** The proxy answers itself. */
  reason?: string;
  flags?: string;
  calls?: Call[];
}

/** The front page: four services. */
export function frontPage(random: Random, startMs: number, ratingsVersion: 'v1' | 'v2' = 'v1'): ShopTrace {
  const slow = random() < 0.05 ? 6 : 1;
  const ms = (base: number) => base * (0.7 + 0.6 * random());
  const catalog = ms(6) * slow;
  const ratings = ms(ratingsVersion === 'v1' ? 4 : 7);
  const cart = ms(5);
  return build(random, startMs, 'GET', {
    to: 'front',
    path: '/',
    at: ms(0.6),
    took: Math.max(catalog, ratings, cart) + ms(5),
    calls: [
      { to: 'catalog', path: '/products', at: ms(1.2), took: catalog },
      {
        to: 'ratings',
        workload: `ratings-${ratingsVersion}`,
        path: '/ratings',
        at: ms(1.4),
        took: ratings,
        retried: random() < 0.04,
      },
      { to: 'cart', path: '/cart/count', at: ms(1.6), took: cart },
    ],
  });
}

/** An order: checkout asks the cart. One that fails finds no healthy endpoint of it. */
export function order(random: Random, startMs: number, fails = false): ShopTrace {
  const ms = (base: number) => base * (0.7 + 0.6 * random());
  const cart = fails ? ms(0.3) : ms(9);
  return build(random, startMs, 'POST', {
    to: 'checkout',
    path: '/checkout',
    at: ms(0.7),
    took: cart + ms(12),
    status: fails ? 502 : 201,
    calls: [
      {
        to: 'cart',
        path: '/cart',
        at: ms(3),
        took: cart,
        ...(fails ? { status: 503, reason: 'no-healthy-endpoints', flags: 'UH' } : {}),
      },
    ],
  });
}

function build(random: Random, startMs: number, method: string, call: Call): ShopTrace {
  const spans: ShopSpan[] = [];
  const id = (digits: number) => Array.from({ length: digits }, () => Math.floor(random() * 16).toString(16)).join('');
  const requestId = id(16);
  const root = id(16);
  const total = call.at + call.took + 1.1;
  const shared = (path: string, authority: string, status: number): AttributeInput => ({
    'http.request.method': method,
    'url.path': path,
    'url.scheme': 'http',
    'server.address': authority,
    'http.response.status_code': status,
    'heddle.request_id': requestId,
  });
  const status = call.status ?? 200;
  const route = 'HTTPRoute/shop/front/rule/0';
  spans.push({
    proxy: 'edge-1',
    kind: 2,
    id: root,
    parent: '',
    name: `${method} ${route}`,
    startMs,
    durationMs: total,
    attributes: {
      ...shared(call.path, 'localhost:8080', status),
      'heddle.direction': 'gateway',
      'heddle.route': route,
      'heddle.cluster': `outbound|80||${call.to}.shop.svc.cluster.local`,
      'heddle.source_id': spiffeId('edge'),
      'network.peer.address': '127.0.0.1',
      'user_agent.original': 'curl/8.9.1',
      'heddle.mtls': false,
    },
  });
  const hop = (caller: string, parent: string, start: number, one: Call, matched: string): void => {
    const client = id(16);
    const own = one.reason !== undefined;
    const answered = one.status ?? 200;
    const workload = one.workload ?? `${one.to}-1`;
    const network = own ? 0 : 0.25 + random() * 0.3;
    spans.push({
      proxy: caller,
      kind: 3,
      id: client,
      parent,
      name: `${method} ${matched}`,
      startMs: start,
      durationMs: one.took + network * 2,
      attributes: {
        ...shared(one.path, one.to, answered),
        'heddle.direction': caller.startsWith('edge') ? 'gateway' : 'outbound',
        'heddle.route': matched,
        'heddle.cluster': `outbound|80||${one.to}.shop.svc.cluster.local`,
        'heddle.destination': `${one.to}.shop`,
        'heddle.destination_port': 80,
        'heddle.source_id': spiffeId(serviceOf(caller)),
        'heddle.attempts': own ? 0 : one.retried ? 2 : 1,
        'heddle.retries': one.retried ? 1 : 0,
        'heddle.response_flags': one.flags ?? '-',
        'heddle.mtls': !own,
        ...(own
          ? { 'heddle.reason': one.reason ?? '' }
          : { 'heddle.peer': spiffeId(one.to), 'heddle.upstream': '127.0.0.1:41873', 'heddle.workload': workload }),
      },
      ...(one.retried
        ? {
            failedAttempts: [
              { 'heddle.upstream': '127.0.0.1:41874', 'heddle.response_flags': 'UC', 'heddle.duration_us': 900 },
            ],
          }
        : {}),
    });
    if (own) return;
    const server = id(16);
    spans.push({
      proxy: workload,
      kind: 2,
      id: server,
      parent: client,
      name: `${method} inbound|3000`,
      startMs: start + network,
      durationMs: one.took,
      attributes: {
        ...shared(one.path, one.to, answered),
        'heddle.direction': 'inbound',
        'heddle.route': 'inbound|3000',
        'heddle.cluster': 'inbound|3000',
        'heddle.peer': spiffeId(serviceOf(caller)),
        'heddle.source_id': spiffeId(one.to),
        'heddle.attempts': 1,
        'heddle.retries': 0,
        'heddle.response_flags': '-',
        'heddle.mtls': true,
      },
    });
    for (const below of one.calls ?? []) {
      hop(workload, server, start + network + below.at, below, `default/shop/${below.to}`);
    }
  };
  hop('edge-1', root, startMs + call.at, call, route);
  return { traceId: id(32), spans };
}
