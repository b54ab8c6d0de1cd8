import http2 from 'node:http2';
import net from 'node:net';
import { freePort } from '../../../bench/processes.ts';
import { until } from '../../harness/process.ts';
import { AppProcess } from '../app-process.ts';
import { address, httpBootstrap } from '../bootstrap.ts';
import { describeOutcomes, openLoop, served } from '../open-loop.ts';
import { ProxyUnderTest } from '../proxy-under-test.ts';
import { exactly, type Scenario, type ScenarioContext, told } from '../scenario.ts';

/** The next proxy takes the port (SO_REUSEPORT) before the last one is told to end. */
export const restart: Scenario = {
  id: 'P-46',
  title: 'restarts drop nothing: HTTP/1 keep-alive, HTTP/2, and connections that come at that moment',
  async run(context) {
    const { short, progress } = context;
    const restarts = short ? 10 : 100;
    const app = await AppProcess.start();
    const port = await freePort();
    let proxy = await startOn(context, port, app.port);
    const http2Counts = new Map<string, number>();
    const http2Load = new Http2Load(port, http2Counts);
    let fresh = { connected: 0, refused: 0 };
    const connecting = setInterval(() => {
      const socket = net.connect(port, '127.0.0.1', () => {
        fresh.connected++;
        socket.destroy();
      });
      socket.on('error', () => fresh.refused++);
    }, 20);
    const stop = new AbortController();
    const load = steadyLoad(port, stop.signal);
    try {
      for (let i = 1; i <= restarts; i++) {
        const next = await startOn(context, port, app.port);
        await proxy.stop('SIGTERM');
        proxy = next;
        if (i % 10 === 0) progress(`${i} restarts`);
      }
      stop.abort();
      const { sent, good, outcomes } = await load;
      await http2Load.stop();
      fresh = { ...fresh };
      return {
        kind: 'measured',
        figures: [
          told('restarts', String(restarts)),
          told('HTTP/1 answers at 500/s', describeOutcomes(outcomes)),
          exactly('HTTP/1 requests not served', sent - good, 0),
          told('HTTP/2 answers', describeOutcomes(http2Counts)),
          exactly('HTTP/2 requests not served', [...http2Counts].filter(([what]) => what !== '200').length, 0),
          exactly('new connections refused', fresh.refused, 0),
          told('new connections', String(fresh.connected)),
        ],
      };
    } finally {
      stop.abort();
      clearInterval(connecting);
      await http2Load.stop();
      await proxy.stop();
      await app.stop();
    }
  },
};

async function startOn({ folder }: ScenarioContext, port: number, appPort: number): Promise<ProxyUnderTest> {
  const bootstrap = httpBootstrap({ clusters: [{ ports: [appPort] }] }) as {
    static_resources: { listeners: Record<string, unknown>[] };
  };
  const [listener] = bootstrap.static_resources.listeners;
  Object.assign(listener as object, { address: address(port), enable_reuse_port: true });
  return ProxyUnderTest.start(folder, bootstrap);
}

async function steadyLoad(
  port: number,
  signal: AbortSignal,
): Promise<{ sent: number; good: number; outcomes: Map<string, number> }> {
  const total = { sent: 0, good: 0, outcomes: new Map<string, number>() };
  while (!signal.aborted) {
    const result = await openLoop({ port, path: '/wait/20', perSecond: 500, seconds: 1 });
    total.sent += result.sent;
    total.good += served(result);
    for (const [what, times] of result.outcomes) total.outcomes.set(what, (total.outcomes.get(what) ?? 0) + times);
  }
  return total;
}

/** 50 requests a second over HTTP/2; like any good client it takes a new connection after GOAWAY. */
class Http2Load {
  readonly #port: number;
  readonly #counts: Map<string, number>;
  readonly #timer: NodeJS.Timeout;
  #session: http2.ClientHttp2Session;
  #pending = 0;

  constructor(port: number, counts: Map<string, number>) {
    this.#port = port;
    this.#counts = counts;
    this.#session = this.#connect();
    this.#timer = setInterval(() => this.#ask(), 20);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await until(() => this.#pending === 0, 'the last HTTP/2 answers', 10_000);
    this.#session.destroy();
  }

  #connect(): http2.ClientHttp2Session {
    const session = http2.connect(`http://127.0.0.1:${this.#port}`);
    session.on('error', () => {});
    session.on('goaway', () => {
      if (this.#session === session) this.#session = this.#connect();
    });
    session.on('close', () => {
      if (this.#session === session) this.#session = this.#connect();
    });
    return session;
  }

  #ask(): void {
    this.#pending++;
    const stream = this.#session.request({ ':path': '/wait/20' });
    let status = '';
    stream.on('response', (headers) => {
      status = String(headers[':status']);
    });
    stream.on('error', (error: NodeJS.ErrnoException) => {
      status = error.code ?? error.message;
    });
    stream.on('close', () => {
      this.#pending--;
      this.#counts.set(status, (this.#counts.get(status) ?? 0) + 1);
    });
    stream.resume();
  }
}
