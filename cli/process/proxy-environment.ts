import type { ProxyReady } from './proxy.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Environment of a command that stands beside a sidecar. Names of the mesh go through the forward proxy on
 * `outboundPort` (0 or -1: none); explicit upstreams listen on 127.0.0.1 and are called directly, therefore NO_PROXY.
 * HTTPS_PROXY stays as it was: TLS that the command makes itself goes where it went before.
 */
export function proxyEnvironment(base: Environment, outboundPort: number): Record<string, string | undefined> {
  if (outboundPort <= 0) return { ...base };
  const proxy = `http://127.0.0.1:${outboundPort}`;
  const noProxy = [...new Set([...(base.NO_PROXY ?? base.no_proxy ?? '').split(','), '127.0.0.1', 'localhost', '::1'])]
    .filter((entry) => entry !== '')
    .join(',');
  return {
    ...base,
    HTTP_PROXY: proxy,
    http_proxy: proxy,
    NO_PROXY: noProxy,
    no_proxy: noProxy,
    // Node 22.21, 24.5 and later look at the variables above only when told to.
    NODE_USE_ENV_PROXY: '1',
  };
}

/** `HEDDLE_UPSTREAM_<SERVICE>_PORT` for each explicit upstream: `redis:6379` → `HEDDLE_UPSTREAM_REDIS_PORT=7000`. */
export function upstreamEnvironment(upstreams: ProxyReady['ports']['upstreams']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(upstreams).map(([upstream, port]) => {
      const service = upstream.split(/[.:]/)[0] ?? upstream;
      return [`HEDDLE_UPSTREAM_${service.toUpperCase().replace(/[^A-Z0-9]/g, '_')}_PORT`, String(port)];
    }),
  );
}
