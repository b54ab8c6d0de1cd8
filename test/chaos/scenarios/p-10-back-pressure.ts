import http from 'node:http';
import http2 from 'node:http2';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { Program } from '../../harness/process.ts';
import { httpBootstrap, httpListener } from '../bootstrap.ts';
import { readSlowly, sendBytes } from '../paced-stream.ts';
import { ProxyUnderTest } from '../proxy-under-test.ts';
import { atMost, exactly, type Figure, type Scenario, type ScenarioContext } from '../scenario.ts';

const mib = 1024 * 1024;
type Version = 'http1' | 'http2';

/** An unbounded sender on one side, slow readers on the other, in all pairings of versions and both directions. */
export const backPressure: Scenario = {
  id: 'P-10',
  title: 'back-pressure end to end: memory stays bounded and no byte is lost',
  async run(context) {
    const figures: Figure[] = [];
    for (const downstream of ['http1', 'http2'] as const) {
      for (const upstream of ['http1', 'http2'] as const) {
        for (const direction of ['download', 'upload'] as const) {
          context.progress(`${direction}, ${downstream} to the proxy, ${upstream} behind it`);
          figures.push(...(await pairing(context, downstream, upstream, direction)));
        }
      }
    }
    return { kind: 'measured', figures };
  },
};

async function pairing(
  { short, folder }: ScenarioContext,
  downstream: Version,
  upstream: Version,
  direction: 'download' | 'upload',
): Promise<Figure[]> {
  const streams = 100;
  const bytes = (short ? 4 : 120) * mib;
  const program = new Program('app', process.execPath, [path.join(import.meta.dirname, '../streams-app.ts'), upstream]);
  const { port: appPort } = await program.ready<{ port: number }>();
  const bootstrap = httpBootstrap({
    clusters: [{ ports: [appPort], http2: upstream === 'http2' }],
    route: { timeout: '0s', idle_timeout: '60s' },
    manager: { http2_protocol_options: { max_concurrent_streams: 200 } },
  });
  const proxy = await ProxyUnderTest.start(folder, bootstrap);
  const client = connect(downstream, proxy.port(httpListener));
  const name = `${direction} ${downstream}→${upstream}`;
  try {
    const before = proxy.rssBytes;
    proxy.resetPeak();
    const run = direction === 'download' ? download : upload;
    const results = await Promise.allSettled(
      Array.from({ length: streams }, (_, index) => run(client, bytes, index + 1)),
    );
    const intact = results.filter((result) => result.status === 'fulfilled' && result.value).length;
    const limit = (streams * 2 * 65_536) / mib + 32;
    return [
      atMost(`${name}: memory above the start`, (proxy.peakBytes - before) / mib, limit, 'MiB'),
      exactly(`${name}: streams of ${streams} with equal checksums`, intact, streams),
    ];
  } finally {
    client.close();
    await proxy.stop();
    await program.stop('SIGKILL');
  }
}

interface Client {
  /** Begins a request; the answer's body is the readable side, and `trailers` are there at its end. */
  open(method: string, pathname: string): { request: Writable; response: Promise<Readable & { digest(): string }> };
  close(): void;
}

const readersPace = mib;

async function download(client: Client, bytes: number, seed: number): Promise<boolean> {
  const { request, response } = client.open('GET', `/send/${bytes}/${seed}`);
  request.end();
  const body = await response;
  const read = await readSlowly(body, readersPace);
  return read.bytes === bytes && read.sha256 === body.digest();
}

async function upload(client: Client, bytes: number, seed: number): Promise<boolean> {
  const { request, response } = client.open('POST', `/take/${readersPace}`);
  const sent = sendBytes(request, bytes, seed).finally(() => request.end());
  const body = await response;
  let answer = '';
  for await (const chunk of body) answer += String(chunk);
  return answer === (await sent);
}

function connect(version: Version, port: number): Client {
  if (version === 'http2') {
    const session = http2.connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 65_535 } });
    session.on('error', () => {});
    return {
      open(method, pathname) {
        const stream = session.request({ ':method': method, ':path': pathname }, { endStream: false });
        let digest = '';
        stream.on('trailers', (trailers) => {
          digest = String(trailers['x-sha256'] ?? '');
        });
        const response = new Promise<typeof stream & { digest(): string }>((resolve, reject) => {
          stream.on('error', reject);
          stream.once('response', () => resolve(Object.assign(stream, { digest: () => digest })));
        });
        return { request: stream, response };
      },
      close: () => session.destroy(),
    };
  }
  const agent = new http.Agent({ keepAlive: false });
  return {
    open(method, pathname) {
      const request = http.request({ host: '127.0.0.1', port, path: pathname, method, agent });
      const response = new Promise<http.IncomingMessage & { digest(): string }>((resolve, reject) => {
        request.on('error', reject);
        request.once('response', (message) =>
          resolve(Object.assign(message, { digest: () => message.trailers['x-sha256'] ?? '' })),
        );
      });
      return { request, response };
    },
    close: () => agent.destroy(),
  };
}
