import type { Span } from '../../../proto/api/v1.ts';

/** Client and server span of one hop, and the time between them: network, TLS and the two proxies' queues. */
export interface Pair {
  client: Span;
  server: Span;
  /** From the caller's start to the callee's, and back; milliseconds, never negative. */
  outMs: number;
  backMs: number;
}

/** The hop that each span belongs to, for both of its spans; a span without a counterpart is absent. */
export function pairHops(spans: readonly Span[]): Map<Span, Pair> {
  const clients = new Map(spans.filter((span) => span.kind === 'client').map((span) => [span.spanId, span]));
  const pairs = new Map<Span, Pair>();
  for (const server of spans) {
    const client = server.kind === 'server' ? clients.get(server.parentSpanId) : undefined;
    // A retried request has a server span for each try; the first one stands beside the client span.
    if (client === undefined || pairs.has(client)) continue;
    const pair = {
      client,
      server,
      outMs: Math.max(0, server.startMs - client.startMs),
      backMs: Math.max(0, client.startMs + client.durationMs - server.startMs - server.durationMs),
    };
    pairs.set(client, pair);
    pairs.set(server, pair);
  }
  return pairs;
}
