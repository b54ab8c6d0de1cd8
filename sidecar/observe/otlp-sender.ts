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
      const { client, breaker } = await connection;
      await breaker.execute(async () => {
        const response = await client.request({
          method: 'POST',
          path: url.pathname,
          headers: { 'content-type': 'application/json' },
          body,
          signal: AbortSignal.timeout(timeoutMs),
        });
        await response.body.dump();
        if (response.statusCode >= 300) throw new Error(`the collector answered ${response.statusCode}`);
      });
    },
    async close() {
      if (connection !== undefined) await (await connection).client.destroy();
    },
  };
}

async function connect(url: URL, onBreak: () => void) {
  const [{ Client }, { circuitBreaker, ConsecutiveBreaker, handleAll }] = await Promise.all([
    import('undici'),
    import('cockatiel'),
  ]);
  const breaker = circuitBreaker(handleAll, {
    breaker: new ConsecutiveBreaker(failuresToOpen),
    // A little earlier than we ask again, or the breaker would still refuse then.
    halfOpenAfter: openMs - 100,
  });
  breaker.onBreak(onBreak);
  const client = new Client(url.origin, {
    connect: { timeout: timeoutMs },
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
  });
  return { client, breaker };
}
