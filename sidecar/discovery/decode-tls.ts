import type { TransportSocket } from '../../proto/gen/envoy/config/core/v3/base.ts';
import { RawBuffer } from '../../proto/gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer.ts';
import {
  CertificateValidationContext,
  SubjectAltNameMatcher_SanType,
  TlsParameters,
  TlsParameters_TlsProtocol,
} from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/common.ts';
import type { SdsSecretConfig } from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/secret.ts';
import {
  CommonTlsContext,
  CommonTlsContext_CombinedCertificateValidationContext,
  DownstreamTlsContext,
  UpstreamTlsContext,
} from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/tls.ts';
import type { UpstreamTlsConfig } from '../cluster/cluster-config.ts';
import type { DownstreamTlsConfig } from '../net/listener-config.ts';
import { inlineCertificate } from './decode-inline-secret.ts';
import { checkSource } from './decode-source.ts';
import { fieldsOf } from './message-fields.ts';
import { isType, join, type Reader } from './reader.ts';

const alwaysOff = 'sessions are never resumed: each connection proves its identity';

export const downstreamTlsFields = fieldsOf(DownstreamTlsContext, {
  supported: ['commonTlsContext', 'requireClientCertificate'],
  ignored: {
    'sessionTicketKeysType.disableStatelessSessionResumption': alwaysOff,
    disableStatefulSessionResumption: alwaysOff,
    sessionTimeout: alwaysOff,
  },
});

export const upstreamTlsFields = fieldsOf(UpstreamTlsContext, {
  supported: ['commonTlsContext', 'sni'],
  ignored: { maxSessionKeys: alwaysOff, enforceRsaKeyUsage: 'OpenSSL checks the key usage' },
});

export const commonTlsFields = fieldsOf(CommonTlsContext, {
  supported: [
    'tlsParams',
    'tlsCertificates',
    'tlsCertificateSdsSecretConfigs',
    'validationContextType.validationContextSdsSecretConfig',
    'validationContextType.combinedValidationContext',
    'alpnProtocols',
  ],
});

export const combinedValidationFields = fieldsOf(CommonTlsContext_CombinedCertificateValidationContext, {
  supported: ['defaultValidationContext', 'validationContextSdsSecretConfig'],
});

export const defaultValidationFields = fieldsOf(CertificateValidationContext, {
  supported: ['matchTypedSubjectAltNames'],
  limits: { matchTypedSubjectAltNames: 'exact URI names' },
  place: 'as the default of a combined validation context',
});

export const tlsParametersFields = fieldsOf(TlsParameters, {
  supported: ['tlsMinimumProtocolVersion', 'tlsMaximumProtocolVersion'],
  limits: { tlsMinimumProtocolVersion: 'TLS 1.2 and 1.3', tlsMaximumProtocolVersion: 'TLS 1.3' },
});

/** Reads `transport_socket` of a filter chain; `undefined` is plaintext. */
export function decodeDownstreamTls(
  reader: Reader,
  path: string,
  socket: TransportSocket | undefined,
): DownstreamTlsConfig | undefined {
  const packed = socket?.configType?.value;
  if (socket === undefined || isType(packed, RawBuffer)) return undefined;
  const at = join(path, 'typed_config');
  const context = reader.unpack(at, packed, DownstreamTlsContext);
  if (context === undefined) return undefined;
  reader.only(at, context, downstreamTlsFields);
  const common = decodeCommon(reader, join(at, 'common_tls_context'), context.commonTlsContext);
  const requireClientCertificate = context.requireClientCertificate ?? false;
  if (requireClientCertificate && common.validationSecret === undefined) {
    reader.problem(join(at, 'common_tls_context.validation_context_sds_secret_config'), 'missing');
  }
  return {
    certificateSecret: common.certificateSecret,
    validationSecret: common.validationSecret,
    requireClientCertificate,
    allowedIds: common.ids,
    minVersion: common.minVersion ?? (requireClientCertificate ? 'TLSv1.3' : 'TLSv1.2'),
    alpnProtocols: common.alpnProtocols,
  };
}

/** Reads the `transport_socket` of a cluster; `undefined` is plaintext. */
export function decodeUpstreamTls(
  reader: Reader,
  path: string,
  socket: TransportSocket | undefined,
): UpstreamTlsConfig | undefined {
  const packed = socket?.configType?.value;
  if (socket === undefined || isType(packed, RawBuffer)) return undefined;
  const at = join(path, 'typed_config');
  const context = reader.unpack(at, packed, UpstreamTlsContext);
  if (context === undefined) return undefined;
  reader.only(at, context, upstreamTlsFields);
  const common = decodeCommon(reader, join(at, 'common_tls_context'), context.commonTlsContext);
  if (common.validationSecret === undefined) {
    reader.problem(join(at, 'common_tls_context.validation_context_sds_secret_config'), 'missing');
  }
  return {
    sni: context.sni,
    expectedIds: common.ids,
    certificateSecret: common.certificateSecret,
    validationSecret: common.validationSecret ?? '',
    alpnProtocols: common.alpnProtocols,
  };
}

interface CommonTls {
  certificateSecret: string;
  validationSecret: string | undefined;
  ids: readonly string[];
  minVersion: 'TLSv1.2' | 'TLSv1.3' | undefined;
  alpnProtocols: readonly string[];
}

function decodeCommon(reader: Reader, path: string, context: CommonTlsContext | undefined): CommonTls {
  if (context === undefined) {
    reader.problem(path, 'missing');
    return { certificateSecret: '', validationSecret: undefined, ids: [], minVersion: undefined, alpnProtocols: [] };
  }
  reader.only(path, context, commonTlsFields);
  return {
    certificateSecret: decodeCertificate(reader, path, context),
    ...decodeValidation(reader, path, context),
    minVersion: decodeMinVersion(reader, join(path, 'tls_params'), context),
    alpnProtocols: decodeAlpn(reader, join(path, 'alpn_protocols'), context.alpnProtocols),
  };
}

/** The certificate written here or named for SDS; exactly one. */
function decodeCertificate(reader: Reader, path: string, context: CommonTlsContext): string {
  const { tlsCertificates, tlsCertificateSdsSecretConfigs } = context;
  const [inline] = tlsCertificates;
  const [named] = tlsCertificateSdsSecretConfigs;
  const sdsPath = join(path, 'tls_certificate_sds_secret_configs');
  if (tlsCertificates.length + tlsCertificateSdsSecretConfigs.length > 1) {
    const at = tlsCertificates.length > 1 ? join(path, 'tls_certificates') : sdsPath;
    reader.problem(at, 'more than one certificate is not supported');
  }
  if (inline !== undefined) return inlineCertificate(reader, join(path, 'tls_certificates[0]'), inline);
  return decodeSds(reader, `${sdsPath}[0]`, named);
}

function decodeAlpn(reader: Reader, path: string, protocols: readonly string[]): readonly string[] {
  for (const [index, protocol] of protocols.entries()) {
    if (protocol === '' || Buffer.byteLength(protocol) > 255) {
      reader.problem(`${path}[${index}]`, 'must have 1 to 255 bytes');
    }
  }
  return protocols;
}

function decodeValidation(
  reader: Reader,
  path: string,
  context: CommonTlsContext,
): Pick<CommonTls, 'validationSecret' | 'ids'> {
  const type = context.validationContextType;
  if (type === undefined) return { validationSecret: undefined, ids: [] };
  if (type.$case === 'validationContextSdsSecretConfig') {
    const at = join(path, 'validation_context_sds_secret_config');
    return { validationSecret: decodeSds(reader, at, type.value), ids: [] };
  }
  const at = join(path, 'combined_validation_context');
  if (type.$case !== 'combinedValidationContext') {
    return { validationSecret: undefined, ids: [] };
  }
  reader.only(at, type.value, combinedValidationFields);
  const sdsPath = join(at, 'validation_context_sds_secret_config');
  const defaults = type.value.defaultValidationContext;
  return {
    validationSecret: decodeSds(reader, sdsPath, type.value.validationContextSdsSecretConfig),
    ids: defaults === undefined ? [] : decodeIds(reader, join(at, 'default_validation_context'), defaults),
  };
}

/** The exact URI names asked of the peer. */
function decodeIds(reader: Reader, path: string, context: CertificateValidationContext): string[] {
  reader.only(path, context, defaultValidationFields);
  return context.matchTypedSubjectAltNames.map(({ sanType, matcher }, index) => {
    const pattern = matcher?.matchPattern;
    if (sanType === SubjectAltNameMatcher_SanType.URI && pattern?.$case === 'exact' && !matcher?.ignoreCase) {
      return pattern.value;
    }
    reader.problem(join(path, `match_typed_subject_alt_names[${index}]`), 'only exact URI names are supported');
    return '';
  });
}

function decodeMinVersion(reader: Reader, path: string, context: CommonTlsContext): CommonTls['minVersion'] {
  const params = context.tlsParams;
  if (params === undefined) return undefined;
  reader.only(path, params, tlsParametersFields);
  const { TLS_AUTO, TLSv1_2, TLSv1_3 } = TlsParameters_TlsProtocol;
  const highest = params.tlsMaximumProtocolVersion;
  if (highest !== TLS_AUTO && highest !== TLSv1_3) {
    reader.problem(join(path, 'tls_maximum_protocol_version'), 'only TLS 1.3 is supported');
  }
  switch (params.tlsMinimumProtocolVersion) {
    case TLS_AUTO:
      return undefined;
    case TLSv1_2:
      return 'TLSv1.2';
    case TLSv1_3:
      return 'TLSv1.3';
    default:
      reader.problem(join(path, 'tls_minimum_protocol_version'), 'must be TLS 1.2 or 1.3');
      return undefined;
  }
}

function decodeSds(reader: Reader, path: string, config: SdsSecretConfig | undefined): string {
  if (config === undefined) {
    reader.problem(path, 'missing');
    return '';
  }
  checkSource(reader, join(path, 'sds_config'), config.sdsConfig, 'secret');
  return reader.required(join(path, 'name'), config.name);
}
