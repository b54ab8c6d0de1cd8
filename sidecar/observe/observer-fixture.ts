import { FakeClock } from '../../lib/clock.ts';
import { createLog } from '../../lib/log.ts';
import { seededRandom } from '../../lib/random.ts';
import type { RequestHead } from '../stream/head.ts';
import { Headers } from '../stream/headers.ts';
import { createObserver, type ObserverOptions } from './create-observer.ts';
import { type Direction, StreamInfo, type TcpInfo } from './stream-info.ts';

/** The id of the proxy that observes. */
export const self = 'spiffe://cluster.local/ns/shop/sa/front';
/** The id of its peer. */
export const other = 'spiffe://cluster.local/ns/shop/sa/cart';

/** An observer with a fake clock, whose sinks keep what they get. */
export function observerFixture(options: Partial<ObserverOptions> = {}) {
  const clock = new FakeClock();
  const [bodies, lines, logged]: [string[], string[], string[]] = [[], [], []];
  const observer = createObserver({
    ownId: () => self,
    serviceName: 'front',
    namespace: 'shop',
    workload: 'front-1',
    mode: 'sidecar',
    spans: {
      send: async (body) => {
        bodies.push(body);
      },
    },
    accessLog: { write: (text) => lines.push(text) },
    clock,
    random: seededRandom(9),
    log: createLog((line) => logged.push(line)),
    ...options,
  });
  /** One request of 12 ms from head to end. */
  const request = (change: Partial<StreamInfo> = {}, direction: Direction = 'outbound', fields = {}) => {
    const info = new StreamInfo(direction, 'outbound', clock.now(), clock.wallTime());
    observer.onStreamStart(info, { headers: Headers.of(fields) } as RequestHead);
    const start = info.startTime;
    clock.advance(12);
    Object.assign(info, {
      method: 'GET',
      path: '/items?id=1',
      authority: 'cart.shop',
      route: 'default/shop/cart',
      cluster: 'outbound|80||cart.shop.svc.cluster.local',
      service: 'cart.shop',
      servicePort: 80,
      upstreamAddress: '127.0.0.1:9080',
      upstreamPeer: other,
      upstreamTls: true,
      downstreamAddress: '127.0.0.1:50000',
      status: 200,
      attemptCount: 1,
      upstreamFirstByteTime: start + 7.5,
      endTime: start + 12,
      ...change,
    });
    observer.onStreamEnd(info);
    return info;
  };
  const spans = async () => {
    await observer.flush();
    return bodies.flatMap((body) => JSON.parse(body).resourceSpans[0].scopeSpans[0].spans.map(flatten));
  };
  return { clock, observer, request, spans, bodies, lines, logged };
}

/** A decoded span with its attributes as an object. */
export function flatten(span: { attributes: { key: string; value: Record<string, unknown> }[] }) {
  return {
    ...span,
    attributes: Object.fromEntries(span.attributes.map(({ key, value }) => [key, Object.values(value)[0]])),
  };
}

/** A relayed connection of 40 ms. */
export const relay = (): TcpInfo => ({
  direction: 'outbound',
  listener: 'outbound|7000',
  startWallTime: 1_700_000_000_000,
  durationMs: 40,
  downstreamAddress: '127.0.0.1:50001',
  downstreamPeer: '',
  cluster: 'outbound|6379||redis.shop.svc.cluster.local',
  service: 'redis.shop',
  servicePort: 6379,
  upstreamAddress: '[::1]:6379',
  upstreamPeer: other,
  bytesReceived: 10,
  bytesSent: 2_000,
  flags: 0,
  reason: '',
});
