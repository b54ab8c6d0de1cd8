import { expect, test } from 'vitest';
import * as h2 from '../harness/http2-frames.ts';
import { ask } from '../harness/raw-http.ts';
import { okResponse, rawHttp2Server } from '../harness/raw-http2.ts';
import { clusterName } from '../harness/static-proxy.ts';
import { startBench } from './bench.ts';

// An HTTP/2 upstream that does to its first request what none should, through a whole gateway.

const bench = startBench();
const { FrameType, frame, headers, data } = h2;
const ok = [[':status', '200']] as const;

interface Misdeed {
  frames: Buffer[];
  /** What the client gets; 200 where the request was not processed and went again. */
  status: number;
  /** As counted for the upstream. */
  reason?: string;
}

const misdeeds: Readonly<Record<string, Misdeed>> = {
  'UP-02: two content-length': {
    frames: [headers(1, [...ok, ['content-length', '1'], ['content-length', '1']], false)],
    status: 502,
    reason: 'h2.duplicate-content-length',
  },
  'UP-07: 101': { frames: [headers(1, [[':status', '101']], false)], status: 502, reason: 'h2.bad-status' },
  'UP-08: status 999': { frames: [headers(1, [[':status', '999']])], status: 502 },
  'UP-10: 101 fields': {
    frames: [headers(1, [...ok, ...Array.from({ length: 101 }, (_, i) => [`x-${i}`, '1'] as const)])],
    status: 502,
  },
  'UP-12: CR LF in a value': { frames: [headers(1, [...ok, ['x', 'a\r\nset-cookie: b']])], status: 502 },
  'UP-12: connection': { frames: [headers(1, [...ok, ['connection', 'close']])], status: 502 },
  'UP-13: a response on a stream that nobody opened': { frames: [headers(7, ok)], status: 502 },
  'UP-13: PUSH_PROMISE': { frames: [frame(FrameType.pushPromise, 4, 1, '\0\0\0\x02')], status: 502 },
  'UP-13: GOAWAY that leaves it out': { frames: [h2.goAway(0, 0)], status: 200 },
  'UP-13: REFUSED_STREAM': { frames: [h2.rstStream(1, 7)], status: 200 },
};

test.each(Object.entries(misdeeds))('%s: the client is told, and the next request is served', async (_, misdeed) => {
  const port = await rawHttp2Server(({ type, stream }, connection) => {
    if (type !== FrameType.headers) return;
    if (connection.index === 0 && stream === 1) connection.send(...misdeed.frames);
    else connection.send(okResponse(stream));
  });
  const proxy = await bench.start({ upstreams: [port], cluster: { protocol: 'http2' } });
  const answer = await ask(proxy.port, 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n');
  expect(answer.status, answer.body).toBe(misdeed.status);
  expect(answer.get('set-cookie')).toBeUndefined();
  if (misdeed.reason !== undefined) expect(await proxy.refused(misdeed.reason, clusterName)).toBe(1);
  expect((await ask(proxy.port, 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n')).status).toBe(200);
});

test('UP-05: a body that breaks off resets the client, and is never a clean end', async () => {
  const port = await rawHttp2Server(({ type, stream }, connection) => {
    if (type !== FrameType.headers) return;
    connection.send(headers(stream, ok, false), data(stream, 'half'));
    setImmediate(() => connection.socket.destroy());
  });
  const proxy = await bench.start({ upstreams: [port], cluster: { protocol: 'http2' } });
  await expect(ask(proxy.port, 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n')).rejects.toThrow();
});
