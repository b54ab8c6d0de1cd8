import type { TransportSocket } from '../../proto/gen/envoy/config/core/v3/base.ts';
import { RawBuffer } from '../../proto/gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer.ts';
import {
  SubjectAltNameMatcher_SanType as SanType,
  TlsParameters_TlsProtocol as TlsProtocol,
} from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/common.ts';
import {
  DownstreamTlsContext,
  UpstreamTlsContext,
} from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/tls.ts';
import { ownCertificateName, rootsName } from './names.ts';
import { adsSource, stringMatcher, transportSocket } from './proto-values.ts';

/** Inside the mesh TLS 1.3 only (security.md L-42). */
const meshTls = {
  tlsMinimumProtocolVersion: TlsProtocol.TLSv1_3,
  tlsMaximumProtocolVersion: TlsProtocol.TLSv1_3,
};

/** At the edge TLS 1.2 or 1.3; proxies offer authenticated encryption only (security.md L-42). */
const edgeTls = {
  tlsMinimumProtocolVersion: TlsProtocol.TLSv1_2,
  tlsMaximumProtocolVersion: TlsProtocol.TLSv1_3,
};

const ownCertificate = { name: ownCertificateName, sdsConfig: adsSource };
const roots = { name: rootsName, sdsConfig: adsSource };

/** Plain text. */
export const rawBufferSocket: TransportSocket = transportSocket(
  'envoy.transport_sockets.raw_buffer',
  RawBuffer,
  RawBuffer.fromPartial({}),
);

/** What is offered by ALPN for what the cluster speaks; `auto_config` brings its own list. */
const offered = { http1: ['http/1.1'], http2: ['h2'], auto: [] };

/** mTLS to a sidecar that proves one of `spiffeIds`; inside it `http`, or TCP when that is `undefined`. */
export function meshUpstreamSocket(
  serverName: string,
  spiffeIds: readonly string[],
  http: keyof typeof offered | undefined,
): TransportSocket {
  return transportSocket(
    'envoy.transport_sockets.tls',
    UpstreamTlsContext,
    UpstreamTlsContext.fromPartial({
      sni: serverName,
      commonTlsContext: {
        tlsParams: meshTls,
        tlsCertificateSdsSecretConfigs: [ownCertificate],
        alpnProtocols: http === undefined ? [] : offered[http],
        validationContextType: {
          $case: 'combinedValidationContext',
          value: {
            defaultValidationContext: {
              matchTypedSubjectAltNames: spiffeIds.map((id) => ({
                sanType: SanType.URI,
                matcher: stringMatcher('Exact', id),
              })),
            },
            validationContextSdsSecretConfig: roots,
          },
        },
      },
    }),
  );
}

/** mTLS from any proxy of the trust domain. Sessions are never resumed (security.md L-44). */
export function meshDownstreamSocket(protocol: 'http' | 'tcp'): TransportSocket {
  return transportSocket(
    'envoy.transport_sockets.tls',
    DownstreamTlsContext,
    DownstreamTlsContext.fromPartial({
      requireClientCertificate: true,
      commonTlsContext: {
        tlsParams: meshTls,
        tlsCertificateSdsSecretConfigs: [ownCertificate],
        alpnProtocols: protocol === 'http' ? ['h2', 'http/1.1'] : [],
        validationContextType: { $case: 'validationContextSdsSecretConfig', value: roots },
      },
      sessionTicketKeysType: { $case: 'disableStatelessSessionResumption', value: true },
      disableStatefulSessionResumption: true,
    }),
  );
}

/** TLS of a gateway listener with the named certificate. */
export function edgeDownstreamSocket(secretName: string): TransportSocket {
  return transportSocket(
    'envoy.transport_sockets.tls',
    DownstreamTlsContext,
    DownstreamTlsContext.fromPartial({
      commonTlsContext: {
        tlsParams: edgeTls,
        tlsCertificateSdsSecretConfigs: [{ name: secretName, sdsConfig: adsSource }],
        alpnProtocols: ['h2', 'http/1.1'],
      },
    }),
  );
}
