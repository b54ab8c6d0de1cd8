import { afterAll, beforeAll, expect, test } from 'vitest';
import { seededRandom } from '../../lib/random.ts';
import { canonicalPath } from '../../sidecar/http/canonical-path.ts';
import * as h2 from '../harness/http2-frames.ts';
import { Http2Peer } from '../harness/http2-peer.ts';
import { ask } from '../harness/raw-http.ts';
import { RecordingHttp2Upstream } from '../harness/recording-http2-upstream.ts';
import type { StaticProxy } from '../harness/static-proxy.ts';
import { startBench } from './bench.ts';

// What is judged is what is sent, and what only the mesh may say no stranger says: in both versions, both ways.

const bench = startBench();
let twin: RecordingHttp2Upstream;
let edges: { name: string; proxy: StaticProxy }[];

beforeAll(async () => {
  twin = await RecordingHttp2Upstream.start();
  const toHttp2 = await bench.keep({ upstreams: [twin.port], cluster: { protocol: 'http2' } });
  edges = [
    { name: 'to HTTP/1', proxy: bench.edge },
    { name: 'to HTTP/2', proxy: toHttp2 },
  ];
});
afterAll(async () => {
  await twin.close();
});

interface Arrived {
  target: string;
  /** Names in lower case, and trailers as fields. */
  fields: readonly (readonly [string, string])[];
}

/** The one request that reached either upstream; forgets it. */
function arrived(): Arrived | undefined {
  const [one] = bench.upstream.requests;
  const [two] = twin.requests;
  bench.upstream.clear();
  twin.clear();
  if (one !== undefined) {
    const trailers = one.trailers.map((line): [string, string] => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).trim()];
    });
    return {
      target: one.target,
      fields: [...one.fields, ...trailers].map(([name, value]) => [name.toLowerCase(), value]),
    };
  }
  if (two === undefined) return undefined;
  const fields = two.raw.flatMap((name, i): [string, string][] =>
    i % 2 === 0 ? [[name, two.raw[i + 1] as string]] : [],
  );
  const trailers = Object.entries(two.trailers).map(([name, value]): [string, string] => [name, String(value)]);
  return { target: two.target, fields: [...fields, ...trailers] };
}

/** `FUZZ_ROUNDS=1000000` is the long form. */
const rounds = Number(process.env.FUZZ_ROUNDS ?? 400);
const pieces = [
  'a',
  'b',
  'admin',
  '.',
  '..',
  '%2e',
  '%2E%2e',
  '%2f',
  '%5c',
  '%41',
  '%',
  ';x=1',
  '//',
  '/',
  '/',
  '/',
  '\\',
  '?',
  '=',
  '~',
  'A',
];

test('P-15: the path that is judged, the one that routes are found by, and the one that is sent are one', {
  timeout: 3_600_000,
}, async () => {
  const random = seededRandom(15);
  const clients = edges.map(({ proxy }) => ({ proxy, client: undefined as Http2Peer | undefined, stream: 1 }));
  for (let round = 0; round < rounds; round++) {
    const path = `/${Array.from({ length: 1 + Math.floor(random() * 7) }, () => pieces[Math.floor(random() * pieces.length)]).join('')}`;
    const canonical = canonicalPath(path, true);
    for (const one of clients) {
      await ask(one.proxy.port, `GET ${path} HTTP/1.1\r\nHost: a.test\r\n\r\n`);
      expect(arrived()?.target, path).toBe(canonical.startsWith('/') ? canonical : undefined);
      // A connection ends after some refusals and many requests.
      one.client?.destroy();
      one.client = Http2Peer.connect(one.proxy.port);
      one.client.send(h2.headers(1, h2.changed(h2.get, { ':path': path })));
      await one.client.frame(h2.FrameType.data, 1);
      expect(arrived()?.target, path).toBe(canonical.startsWith('/') ? canonical : undefined);
    }
  }
  for (const { client } of clients) client?.destroy();
});

const trusted = [
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-forwarded-client-cert',
  'x-forwarded-anything',
  'x-envoy-original-path',
  'x-envoy-external-address',
  'x-heddle-peer',
  'x-heddle-id',
  'forwarded',
  'x-real-ip',
  'x-client-ip',
  'true-client-ip',
  'x-original-url',
  'x-http-method-override',
];
const mixed = (name: string) => name.replaceAll(/[a-z](?=[a-z]*$|-)/g, (letter) => letter.toUpperCase());

/** Ways to write a field so that one party might miss it (HTTP/1). */
const disguises: Readonly<Record<string, (name: string) => string>> = {
  once: (name) => `${name}: forged\r\n`,
  repeated: (name) => `${name}: forged\r\n${name}: forged2\r\n`,
  'comma-joined': (name) => `${name}: x, forged\r\n`,
  'mixed case': (name) => `${mixed(name)}: forged\r\n`,
  'white space behind': (name) => `${name}:forged \t \r\n`,
  'named by Connection': (name) => `Connection: ${name}\r\n${name}: forged\r\n`,
  'with an underscore': (name) => `${name.replaceAll('-', '_')}: forged\r\n`,
  'with a dot': (name) => `${name.replaceAll('-', '.')}: forged\r\n`,
  'space before the colon': (name) => `${name} : forged\r\n`,
  folded: (name) => `a: b\r\n ${name}: forged\r\n`,
};

test.each(Object.entries(disguises))(
  'P-16 P-20: trusted fields that are %s do not reach an upstream',
  async (_, write) => {
    for (const { proxy } of edges) {
      for (const name of trusted) {
        await ask(proxy.port, `GET / HTTP/1.1\r\nHost: a.test\r\n${write(name)}\r\n`);
        const seen = arrived();
        expect(seen?.fields.filter(([, value]) => value.includes('forged')) ?? [], name).toEqual([]);
        if (seen !== undefined) {
          // What the gateway itself says is not taken away either.
          expect(seen.fields.filter(([key]) => key === 'x-forwarded-for').map(([, value]) => value)).toEqual([
            '127.0.0.1',
          ]);
        }
      }
    }
  },
);

test('P-16 P-20: trusted fields in chunked trailers do not reach an upstream', async () => {
  for (const { proxy } of edges) {
    for (const name of trusted) {
      for (const written of [name, mixed(name)]) {
        const trailers = `${written}: forged\r\nx-checksum: 1\r\n`;
        await ask(
          proxy.port,
          `POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n${trailers}\r\n`,
        );
        const seen = arrived();
        expect(
          seen?.fields.filter(([, value]) => value === 'forged'),
          name,
        ).toEqual([]);
        expect(seen?.fields.find(([key]) => key === 'x-checksum')?.[1]).toBe('1');
      }
    }
  }
});

test('P-16 P-20: trusted fields of HTTP/2 heads and trailers do not reach an upstream', async () => {
  for (const { proxy } of edges) {
    for (const name of trusted) {
      const client = Http2Peer.connect(proxy.port);
      client.send(
        h2.headers(1, [...h2.post, [name, 'forged'], [name, 'x, forged']], false),
        h2.data(1, 'a'),
        h2.headers(1, [
          [name, 'forged'],
          ['x-checksum', '1'],
        ]),
      );
      await client.frame(h2.FrameType.data, 1);
      client.destroy();
      const seen = arrived();
      expect(
        seen?.fields.filter(([, value]) => value.includes('forged')),
        name,
      ).toEqual([]);
      expect(seen?.fields.find(([key]) => key === 'x-checksum')?.[1]).toBe('1');
    }
  }
});
