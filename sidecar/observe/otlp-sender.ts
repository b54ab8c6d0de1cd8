import type http from 'node:http';
import type https from 'node:https';
import type { Clock } from '../../lib/clock.ts';
import type { SpanSink } from './span-exporter.ts';

export interface OtlpSender extends SpanSink {
  accepting(): boolean;
  close(): Promise<void>;
}

const timeoutMs = 2_000;
const failuresToOpen = 3;
const openMs = 10_000;

/**
 * Posts to `<endpoint>/v1/traces` over one kept-alive connection. After three failures in a row it takes nothing
 * for 10 s, so that a dead collector costs next to nothing. The client is loaded with the first batch.
 */
export function createOtlpSender(endpoint: string, clock: Clock): OtlpSender {
  const url = new URL(`${endpoint.replace(/\/+$/, '')}/v1/traces`);
  let openUntil = 0;
  let connection: ReturnType<typeof connect> | undefined;
  return {
    accepting: () => clock.now() >= openUntil,
    async send(body) {
      connection ??= connect(url, () => {
        openUntil = clock.now() + openMs;
      });
      const { agent, breaker } = await connection;
      await breaker.execute(() => post(url, agent, body));
    },
    async close() {
      if (connection !== undefined) (await connection).agent.destroy();
    },
  };
}

// Imports of these modules would load all that is lazy in them, fetch among it: 13 MiB of resident memory. undici
// takes 25 MiB.
const moduleOf = (url: URL): typeof http | typeof https =>
  process.getBuiltinModule(url.protocol === 'https:' ? 'node:https' : 'node:http');

async function connect(url: URL, onBreak: () => void) {
  const { circuitBreaker, ConsecutiveBreaker, handleAll } = await import('cockatiel');
  const breaker = circuitBreaker(handleAll, {
    breaker: new ConsecutiveBreaker(failuresToOpen),
    // A little earlier than we ask again, or the breaker would still refuse then.
    halfOpenAfter: openMs - 100,
  });
  breaker.onBreak(onBreak);
  const agent = new (moduleOf(url).Agent)({ keepAlive: true, maxSockets: 1 });
  return { agent, breaker };
}

/** Rejects when there is no answer in time, or none that says that the spans were taken. */
function post(url: URL, agent: http.Agent, body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const signal = AbortSignal.timeout(timeoutMs);
    const request = moduleOf(url).request(url, { method: 'POST', headers, agent, signal }, (response) => {
      response.on('error', reject);
      response.on('end', () => {
        if ((response.statusCode ?? 0) < 300) resolve();
        else reject(new Error(`the collector answered ${response.statusCode}`));
      });
      response.resume();
    });
    request.on('error', reject);
    request.end(body);
  });
}
