import http from 'node:http';
import http2 from 'node:http2';
import path from 'node:path';
import { Program } from '../../harness/process.ts';
import { httpBootstrap, httpListener } from '../bootstrap.ts';
import { ProxyUnderTest } from '../proxy-under-test.ts';
import { exactly, type Figure, type Scenario, told } from '../scenario.ts';

const clients = 200;

/** 200 clients with tokens of their own, before a server that breaks the protocol with every fiftieth answer. */
export const crossDelivery: Scenario = {
  id: 'P-21',
  title: "one client's bytes never answer another",
  async run({ short, folder, progress }) {
    const requests = short ? 50_000 : 1_000_000;
    const figures: Figure[] = [];
    for (const [version, ask] of [
      ['HTTP/1', http1Client],
      ['HTTP/2', http2Client],
    ] as const) {
      const app = new Program('app', process.execPath, [path.join(import.meta.dirname, '../misbehaving-app.ts')]);
      const { port } = await app.ready<{ port: number }>();
      const bootstrap = httpBootstrap({
        clusters: [{ ports: [port], fields: { outlier_detection: { enforcing_consecutive_5xx: 0 } } }],
        manager: { http2_protocol_options: { max_concurrent_streams: 200 } },
      });
      const proxy = await ProxyUnderTest.start(folder, bootstrap);
      progress(`${requests / 2} requests of ${clients} clients over ${version}`);
      const counts = { right: 0, refused: 0, foreign: 0 };
      try {
        const share = Math.ceil(requests / 2 / clients);
        await Promise.all(
          Array.from({ length: clients }, (_, client) => ask(proxy.port(httpListener), client, share, counts)),
        );
        figures.push(
          told(`${version}: own answers, errors`, `${counts.right}, ${counts.refused}`),
          exactly(`${version}: answers of others`, counts.foreign, 0),
          exactly(`${version}: most are answered`, counts.right > 0.9 * share * clients, true),
          exactly(`${version}: proxy still runs`, proxy.program.running, true),
        );
      } finally {
        await proxy.stop();
        await app.stop('SIGKILL');
      }
    }
    return { kind: 'measured', figures };
  },
};

interface Counts {
  right: number;
  refused: number;
  foreign: number;
}

type Ask = (target: string) => Promise<{ status: number; body: string }>;

async function askAll(ask: Ask, client: number, share: number, counts: Counts): Promise<void> {
  for (let i = 0; i < share; i++) {
    const token = `/${client}/${i}`;
    const answer = await ask(token).catch(() => ({ status: 0, body: '' }));
    if (answer.status !== 200) counts.refused++;
    else if (answer.body === token) counts.right++;
    else counts.foreign++;
  }
}

async function http1Client(port: number, client: number, share: number, counts: Counts): Promise<void> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const ask: Ask = (target) =>
    new Promise((resolve, reject) => {
      const request = http.get({ host: '127.0.0.1', port, path: target, agent, timeout: 10_000 }, (response) => {
        let body = '';
        response.setEncoding('latin1').on('data', (text: string) => {
          body += text;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
        response.on('error', reject);
      });
      request.on('timeout', () => request.destroy(new Error('no answer')));
      request.on('error', reject);
    });
  await askAll(ask, client, share, counts);
  agent.destroy();
}

async function http2Client(port: number, client: number, share: number, counts: Counts): Promise<void> {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  session.on('error', () => {});
  const ask: Ask = (target) =>
    new Promise((resolve, reject) => {
      const stream = session.request({ ':path': target });
      let status = 0;
      let body = '';
      stream.on('response', (headers) => {
        status = headers[':status'] ?? 0;
      });
      stream.setEncoding('latin1').on('data', (text: string) => {
        body += text;
      });
      stream.on('end', () => resolve({ status: stream.rstCode === 0 ? status : 0, body }));
      stream.on('error', reject);
      stream.setTimeout(10_000, () => stream.close());
    });
  await askAll(ask, client, share, counts);
  session.destroy();
}
