import type { Graph } from '../../proto/api/v1.ts';
import type { PairSignals } from './golden-signals.ts';
import type { HopEnd } from './hop.ts';
import { latencyQuantile } from './latency-histogram.ts';

/**
 * Who called whom over the window. An edge counts as mTLS only when no request of it went in plaintext.
 * Nodes and edges are sorted by id, so that two answers can be compared.
 */
export function buildGraph(windowSeconds: number, pairs: readonly PairSignals[]): Graph {
  const nodes = new Map<string, HopEnd>();
  for (const { source, destination } of pairs) {
    nodes.set(source.id, source);
    nodes.set(destination.id, destination);
  }
  return {
    windowSeconds,
    nodes: [...nodes.values()].sort((a, b) => compare(a.id, b.id)),
    edges: pairs
      .map((pair) => ({
        source: pair.source.id,
        destination: pair.destination.id,
        rate: pair.requests / windowSeconds,
        successRate: 1 - pair.errors / pair.requests,
        p95Ms: latencyQuantile(pair.latency, 0.95),
        mtls: pair.encrypted > 0 && pair.plaintext === 0,
        sourceId: pair.sourceId,
        destinationId: pair.destinationId,
      }))
      .sort((a, b) => compare(a.source, b.source) || compare(a.destination, b.destination)),
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
