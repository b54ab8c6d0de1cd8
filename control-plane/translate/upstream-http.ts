import { Http1ProtocolOptions, Http2ProtocolOptions } from '../../proto/gen/envoy/config/core/v3/protocol.ts';
import {
  HttpProtocolOptions_AutoHttpConfig as AutoConfig,
  HttpProtocolOptions_ExplicitHttpConfig as ExplicitConfig,
  HttpProtocolOptions,
} from '../../proto/gen/envoy/extensions/upstreams/http/v3/http_protocol_options.ts';
import type { ServicePort } from '../registry/mesh-snapshot.ts';
import { durationFromMs, packAny } from './proto-values.ts';

const httpOptionsName = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

/** How long connections may rest: to an application so long that no common server closes them first; proxies wait. */
const idleMs = { http1: 4_000, http2: 60_000, auto: 60_000 };

/** What is spoken to endpoints. `auto` is agreed on by ALPN, which all of them must have. */
export type UpstreamHttp = keyof typeof idleMs;

type UpstreamProtocolOptions = NonNullable<HttpProtocolOptions['upstreamProtocolOptions']>;

const upstreamProtocolOptions: Readonly<Record<UpstreamHttp, UpstreamProtocolOptions>> = {
  http1: explicit({ $case: 'httpProtocolOptions', value: Http1ProtocolOptions.fromPartial({}) }),
  http2: explicit({ $case: 'http2ProtocolOptions', value: Http2ProtocolOptions.fromPartial({ allowConnect: true }) }),
  auto: {
    $case: 'autoConfig',
    value: AutoConfig.fromPartial({ httpProtocolOptions: {}, http2ProtocolOptions: { allowConnect: true } }),
  },
};

function explicit(protocolConfig: ExplicitConfig['protocolConfig']): UpstreamProtocolOptions {
  return { $case: 'explicitHttpConfig', value: ExplicitConfig.fromPartial({ protocolConfig }) };
}

/** What is spoken to the endpoints of a port; `undefined` for TCP. */
export function upstreamHttp(port: ServicePort): UpstreamHttp | undefined {
  if (port.protocol !== 'http') return undefined;
  if (port.http2 === true) return 'http2';
  return port.endpoints.every((endpoint) => endpoint.meshed) ? 'auto' : 'http1';
}

/** `typed_extension_protocol_options` of a cluster that speaks `http`. */
export function httpOptions(http: UpstreamHttp) {
  const options = HttpProtocolOptions.fromPartial({
    commonHttpProtocolOptions: { idleTimeout: durationFromMs(idleMs[http]) },
    upstreamProtocolOptions: upstreamProtocolOptions[http],
  });
  return { [httpOptionsName]: packAny(HttpProtocolOptions, options) };
}
