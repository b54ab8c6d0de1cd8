import { systemClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { systemRandom } from '../../lib/random.ts';
import { createObserver } from '../../sidecar/observe/create-observer.ts';
import { type Direction, StreamInfo } from '../../sidecar/observe/stream-info.ts';
import type { RequestHead } from '../../sidecar/stream/head.ts';
import { Headers } from '../../sidecar/stream/headers.ts';

// What telemetry adds to one request: nanoseconds for onStreamStart and onStreamEnd together.
// `export` includes making the spans and encoding them as OTLP, which happens outside the request.

const rounds = 200_000;
const peer = 'spiffe://cluster.local/ns/shop/sa/cart';
const self = 'spiffe://cluster.local/ns/shop/sa/front';
const routes = Array.from({ length: 20 }, (_, i) => `HTTPRoute/shop/route-${i}/rule/0`);

function makeHead(): RequestHead {
  const headers = new Headers();
  for (const name of ['user-agent', 'accept', 'accept-encoding', 'cookie', 'x-forwarded-for', 'x-forwarded-proto']) {
    headers.appendRaw(name, name, 'some value');
  }
  headers.appendRaw('x-request-id', 'x-request-id', '6f1c2b1e-0000-4000-a000-000000000000');
  headers.appendRaw('traceparent', 'traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01');
  return {
    method: 'GET',
    scheme: 'http',
    authority: 'cart.shop',
    path: '/items/42?color=red',
    headers,
    version: '1.1',
    absoluteForm: false,
    upgrade: undefined,
    expectContinue: false,
    contentLength: undefined,
  };
}

async function measure(label: string, direction: Direction, traced: boolean, exported: boolean): Promise<void> {
  let bytes = 0;
  const send = async (body: string): Promise<void> => {
    bytes += Buffer.byteLength(body);
  };
  const observer = createObserver({
    ownId: () => self,
    serviceName: 'front',
    namespace: 'shop',
    workload: 'front-1',
    mode: 'sidecar',
    traceSampling: traced ? 1 : 0,
    ...(exported ? { spans: { send } } : {}),
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
  });
  let spent = 0n;
  for (let done = 0; done < rounds; done += 200) {
    const batch = Array.from({ length: 200 }, () => {
      const head = makeHead();
      if (!traced) head.headers.remove('traceparent');
      return { head, info: new StreamInfo(direction, 'l', performance.now(), 1_700_000_000_000) };
    });
    const start = process.hrtime.bigint();
    for (const { head, info } of batch) observer.onStreamStart(info, head);
    spent += process.hrtime.bigint() - start;
    for (const [i, { info, head }] of batch.entries()) {
      info.method = head.method;
      info.path = head.path;
      info.authority = head.authority;
      info.route = routes[i % routes.length] as string;
      info.service = 'cart.shop';
      info.upstreamAddress = '127.0.0.1:9080';
      info.upstreamPeer = peer;
      info.downstreamPeer = peer;
      info.status = i % 50 === 0 ? 404 : 200;
      info.attemptCount = 1;
      info.endTime = info.startTime + 1.5;
      info.upstreamFirstByteTime = info.startTime + 1.2;
    }
    const end = process.hrtime.bigint();
    for (const { info } of batch) observer.onStreamEnd(info);
    spent += process.hrtime.bigint() - end;
    if (exported) {
      const flush = process.hrtime.bigint();
      await observer.flush();
      spent += process.hrtime.bigint() - flush;
    }
  }
  await observer.close();
  const perRequest = Number(spent / BigInt(rounds));
  console.log(
    `${label.padEnd(28)} ${perRequest} ns${bytes > 0 ? `, ${Math.round(bytes / rounds)} bytes of OTLP` : ''}`,
  );
}

for (let pass = 0; pass < 2; pass++) {
  await measure('sampling 0, outbound', 'outbound', false, false);
  await measure('sampling 1, no collector', 'outbound', true, false);
  await measure('sampling 1, outbound, export', 'outbound', true, true);
  await measure('sampling 1, gateway, export', 'gateway', true, true);
}
