import type { ApiParts } from './api-parts.ts';
import { type ApiRoute, json } from './api-route.ts';
import { HttpError } from './http-error.ts';

/** OTLP exporters send batches; the telemetry store has the same limit. */
const maxSpanBytes = 8 * 1024 * 1024;
const defaultWindowSeconds = 60;

/** Traces in, and what they tell. */
export function telemetryRoutes({ telemetry, registry, proxies }: ApiParts): readonly ApiRoute[] {
  return [
    {
      method: 'POST',
      pattern: '/v1/traces',
      maxBodyBytes: maxSpanBytes,
      open: true,
      handle: ({ body, request }) => {
        const { 'content-type': type = '', 'content-encoding': encoding } = request.headers;
        const result = telemetry.ingest(body, type, encoding);
        return { status: result.status, contentType: 'application/json', body: result.body };
      },
    },
    {
      method: 'GET',
      pattern: '/api/v1/traces',
      handle: ({ query }) => {
        const errors = query.get('error');
        return json(
          telemetry.traces({
            service: query.get('service') ?? undefined,
            route: query.get('route') ?? undefined,
            minDurationMs: numberOf(query, 'minDurationMs'),
            error: errors === null ? undefined : errors === 'true',
            limit: numberOf(query, 'limit'),
            before: query.get('before') ?? undefined,
          }),
        );
      },
    },
    {
      method: 'GET',
      pattern: '/api/v1/traces/:id',
      handle: ({ parameters: { id = '' } }) => {
        const trace = telemetry.trace(id);
        if (trace === 'ambiguous') {
          throw new HttpError(409, 'ambiguous', `several traces begin with ${id}; give more of the id`);
        }
        if (trace === undefined) {
          throw new HttpError(404, 'not-found', `no trace ${JSON.stringify(id.slice(0, 64))} is stored`);
        }
        return json(trace);
      },
    },
    {
      method: 'GET',
      pattern: '/api/v1/services',
      handle: ({ query }) => {
        const connected = proxies.proxies().filter((proxy) => proxy.connected);
        const ids = new Set(connected.map((proxy) => proxy.id));
        return json(telemetry.services(windowOf(query), registry.snapshots.value, ids));
      },
    },
    {
      method: 'GET',
      pattern: '/api/v1/graph',
      handle: ({ query }) => json(telemetry.graph(windowOf(query))),
    },
  ];
}

function windowOf(query: URLSearchParams): number {
  return numberOf(query, 'windowSeconds') ?? defaultWindowSeconds;
}

function numberOf(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0) {
    throw new HttpError(400, 'bad-request', `${name} must be a number that is not negative`);
  }
  return value;
}
