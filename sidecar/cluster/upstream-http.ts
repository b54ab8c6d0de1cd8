import { type Http2Settings, upstreamHttp2 } from '../stream/http2-settings.ts';

/** The HTTP versions that a connection can speak. */
export type HttpProtocol = 'http1' | 'http2';

/** How the HTTP connections of a cluster behave (`envoy.extensions.upstreams.http.v3.HttpProtocolOptions`). */
export interface UpstreamHttpConfig {
  /** Requests that one connection carries before it is replaced; 0 for no limit. Default 0. */
  maxRequestsPerConnection: number;
  /** A connection is replaced after so long, give or take a tenth, in milliseconds; 0 for no limit. Default 0. */
  maxConnectionDurationMs: number;
  http2: Http2Settings;
}

/** What holds where a cluster says nothing. */
export const defaultUpstreamHttp: UpstreamHttpConfig = {
  maxRequestsPerConnection: 0,
  maxConnectionDurationMs: 0,
  http2: upstreamHttp2,
};
