import { expect, test } from 'vitest';
import { Cluster } from '../../proto/gen/envoy/config/cluster/v3/cluster.ts';
import { LocalRateLimit } from '../../proto/gen/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit.ts';
import { packed } from '../../test/harness/http-filters.ts';
import { decodeCluster } from '../discovery/decode-cluster.ts';
import { decodeLocalRateLimit } from '../discovery/http-filters/decode-local-rate-limit.ts';
import { Reader } from '../discovery/reader.ts';

const context = { trustDomain: '', now: 0, workers: 4 };

test('circuit breakers are divided among workers, rounded up, those that are defaults too', () => {
  const thresholds = [{ maxConnections: 10, maxRequests: 1 }];
  const decoded = decodeCluster(Cluster.fromPartial({ name: 'c', circuitBreakers: { thresholds } }), context);
  expect(decoded).toMatchObject({
    ok: true,
    value: {
      config: {
        breakers: {
          maxConnections: 3,
          maxRequests: 1,
          maxPendingRequests: 256,
          high: { maxConnections: 256, maxPendingRequests: 256, maxRequests: 256 },
        },
      },
    },
  });
});

test('tokens of a local rate limit are divided among workers', () => {
  const tokenBucket = { maxTokens: 100, tokensPerFill: 100, fillInterval: '1s' };
  const message = packed(LocalRateLimit, { statPrefix: 'x', tokenBucket });
  const decode = (workers: number) => {
    const reader = new Reader({ ...context, workers });
    return JSON.stringify(decodeLocalRateLimit(reader, '', message));
  };
  expect(decode(1)).toContain('"maxTokens":100,"tokensPerMs":0.1');
  expect(decode(4)).toContain('"maxTokens":25,"tokensPerMs":0.025');
});
