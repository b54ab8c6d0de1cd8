import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { BatchWriter } from './batch-writer.ts';
import { HopAttributes } from './hop-attributes.ts';
import { createOtlpSender } from './otlp-sender.ts';
import { SpanExporter, type SpanSink } from './span-exporter.ts';
import { StreamInfo } from './stream-info.ts';

function exporter(sink: SpanSink) {
  const hops = new HopAttributes();
  const context = () => ({ ownId: '', toWall: (ms: number) => ms, hops });
  const made = new SpanExporter({ sink, resource: '', context, queueLimit: 8, batchSize: 4 });
  const add = (count: number) => {
    for (let i = 0; i < count; i++) {
      const trace = { traceId: 't', spanId: 's', parentSpanId: undefined, sampled: true, tracestate: undefined };
      made.addStream(new StreamInfo('outbound', 'l', 0, 0), trace);
    }
  };
  return { made, add };
}

const spansIn = (body: string): number => JSON.parse(body).resourceSpans[0].scopeSpans[0].spans.length;

test('a full batch is sent at once, and no second one while it is under way', async () => {
  const bodies: string[] = [];
  let answer = () => {};
  const { made, add } = exporter({
    send: (body) => {
      bodies.push(body);
      return new Promise((resolve) => {
        answer = resolve;
      });
    },
  });
  add(7);
  expect([bodies.length, made.queued]).toEqual([1, 3]);
  answer();
  const flushed = made.flush();
  await new Promise(setImmediate);
  answer();
  await flushed;
  expect(bodies.map(spansIn)).toEqual([4, 3]);
  expect([made.sent, made.dropped, made.queued]).toEqual([7, 0, 0]);
  await made.close();
});

test('P-60: with a sink that takes nothing the queue stays bounded and the loss is counted', async () => {
  const { made, add } = exporter({
    send: () => Promise.reject(new Error('must not be called')),
    accepting: () => false,
  });
  add(20);
  expect([made.queued, made.dropped]).toEqual([8, 12]);
  await made.close();
  add(1);
  expect(made.dropped).toBe(13);
});

test('P-60: a batch that is refused is counted as lost', async () => {
  const { made, add } = exporter({ send: () => Promise.reject(new Error('no')) });
  add(5);
  await made.close();
  expect([made.sent, made.dropped]).toEqual([0, 5]);
});

test('the sender posts JSON to the collector, and after three failures leaves it alone for ten seconds', async () => {
  const seen: { url: string | undefined; type: string | undefined; body: string }[] = [];
  let status = 200;
  const server = http.createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      seen.push({ url: request.url, type: request.headers['content-type'], body });
      response.writeHead(status).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const clock = new FakeClock();
  const sender = createOtlpSender(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, clock);
  await sender.send('{"a":1}');
  expect(seen).toEqual([{ url: '/v1/traces', type: 'application/json', body: '{"a":1}' }]);
  status = 503;
  for (let i = 0; i < 3; i++) await expect(sender.send('{}')).rejects.toThrow('503');
  expect(sender.accepting()).toBe(false);
  await expect(sender.send('{}')).rejects.toThrow();
  expect(seen).toHaveLength(4);
  clock.advance(10_000);
  expect(sender.accepting()).toBe(true);
  await sender.close();
  await new Promise((resolve) => server.close(resolve));
});

test('lines are written in batches, and a stuck sink loses them and nothing else', () => {
  const written: string[] = [];
  let stuck = false;
  const writer = new BatchWriter({ write: (text) => !stuck && written.push(text) > 0, batchLength: 10 });
  writer.add('12345\n');
  expect(written).toEqual([]);
  writer.add('6789\n');
  expect(written).toEqual(['12345\n6789\n']);
  stuck = true;
  writer.add('0123456789\n');
  stuck = false;
  writer.add('a\n');
  writer.flush();
  expect(written).toEqual(['12345\n6789\n', 'a\n']);
  expect([writer.written, writer.dropped]).toEqual([3, 1]);
});
