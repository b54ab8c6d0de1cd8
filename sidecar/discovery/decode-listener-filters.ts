import { ProxyProtocolConfig_Version } from '../../proto/gen/envoy/config/core/v3/proxy_protocol.ts';
import { ListenerFilter } from '../../proto/gen/envoy/config/listener/v3/listener_components.ts';
import { HttpInspector } from '../../proto/gen/envoy/extensions/filters/listener/http_inspector/v3/http_inspector.ts';
import { ProxyProtocol } from '../../proto/gen/envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol.ts';
import { TlsInspector } from '../../proto/gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.ts';
import type { ListenerConfig } from '../net/listener-config.ts';
import type { ProxyHeaderConfig } from '../net/proxy-header.ts';
import { fieldsOf } from './message-fields.ts';
import { isType, join, type Reader } from './reader.ts';

export const listenerFilterFields = fieldsOf(ListenerFilter, {
  supported: ['name', 'configType.typedConfig'],
  limits: { 'configType.typedConfig': 'proxy_protocol, tls_inspector, http_inspector' },
});

export const tlsInspectorFields = fieldsOf(TlsInspector, {
  supported: [],
  ignored: {
    initialReadBufferSize: 'what comes is read',
    enableJa3Fingerprinting: 'fingerprints are for logs only',
  },
});

export const proxyProtocolFields = fieldsOf(ProxyProtocol, {
  supported: ['allowRequestsWithoutProxyProtocol', 'disallowedVersions'],
  ignored: { statPrefix: 'metrics are named by the listener' },
});

/** Reads `listener_filters`. Their order does not matter: a PROXY header always comes first on the wire. */
export function decodeListenerFilters(
  reader: Reader,
  filters: readonly ListenerFilter[],
): Pick<ListenerConfig, 'inspect' | 'proxyHeader'> {
  let tls = false;
  let http = false;
  let proxyHeader: ProxyHeaderConfig | undefined;
  for (const [index, filter] of filters.entries()) {
    reader.only(`listener_filters[${index}]`, filter, listenerFilterFields);
    const packed = filter.configType?.$case === 'typedConfig' ? filter.configType.value : undefined;
    const at = `listener_filters[${index}].typed_config`;
    if (isType(packed, TlsInspector)) {
      const message = reader.unpack(at, packed, TlsInspector);
      if (message !== undefined) reader.only(at, message, tlsInspectorFields);
      tls = true;
    } else if (isType(packed, HttpInspector)) {
      http = true;
    } else if (isType(packed, ProxyProtocol)) {
      const message = reader.unpack(at, packed, ProxyProtocol);
      if (message !== undefined) proxyHeader = decodeProxyProtocol(reader, at, message);
    } else {
      reader.problem(at, `unsupported type ${packed?.typeUrl ?? '(none)'}`);
    }
  }
  return {
    ...(tls || http ? { inspect: { tls, http } } : {}),
    ...(proxyHeader === undefined ? {} : { proxyHeader }),
  };
}

function decodeProxyProtocol(reader: Reader, path: string, message: ProxyProtocol): ProxyHeaderConfig {
  reader.only(path, message, proxyProtocolFields);
  const { V1, V2 } = ProxyProtocolConfig_Version;
  const versions: (1 | 2)[] = [];
  if (!message.disallowedVersions.includes(V1)) versions.push(1);
  if (!message.disallowedVersions.includes(V2)) versions.push(2);
  if (versions.length === 0) reader.problem(join(path, 'disallowed_versions'), 'no version is left');
  return { allowWithout: message.allowRequestsWithoutProxyProtocol, versions, trusted: [] };
}
