import type { TransportSocket } from '../../proto/gen/envoy/config/core/v3/base.ts';
import { RawBuffer } from '../../proto/gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer.ts';
import type { SdsSecretConfig } from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/secret.ts';
import {
  CommonTlsContext,
  CommonTlsContext_CombinedCertificateValidationContext,
  DownstreamTlsContext,
  UpstreamTlsContext,
} from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/tls.ts';
import type { UpstreamTlsConfig } from '../cluster/cluster-config.ts';
import type { DownstreamTlsConfig } from '../net/listener-config.ts';
import type { ServerNameMatch } from '../tls/server-name-match.ts';
import { decodeClientValidation } from './decode-client-validation.ts';
import { inlineCertificate } from './decode-inline-secret.ts';
import { decodeDefaultNames, decodeOutsideValidation } from './decode-server-names.ts';
import { checkSource } from './decode-source.ts';
import { type DecodedTlsParameters, decodeTlsParameters } from './decode-tls-parameters.ts';
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
    'validationContextType.validationContext',
    'alpnProtocols',
  ],
});

export const combinedValidationFields = fieldsOf(CommonTlsContext_CombinedCertificateValidationContext, {
  supported: ['defaultValidationContext', 'validationContextSdsSecretConfig'],
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
  const commonPath = join(at, 'common_tls_context');
  const common = decodeCommon(reader, commonPath, context.commonTlsContext, 'clients');
  if (common.certificates.length === 0 && context.commonTlsContext !== undefined) {
    reader.problem(join(commonPath, 'tls_certificate_sds_secret_configs[0]'), 'missing');
  }
  if (common.serverNames !== undefined) {
    reader.problem(
      join(commonPath, 'combined_validation_context'),
      'clients prove SPIFFE ids; name them as exact URIs',
    );
  }
  const requireClientCertificate = context.requireClientCertificate ?? false;
  if (requireClientCertificate && common.validationSecret === undefined) {
    reader.problem(join(at, 'common_tls_context.validation_context_sds_secret_config'), 'missing');
  }
  return {
    certificateSecret: common.certificates[0] ?? '',
    ...(common.certificates.length > 1 ? { moreCertificates: common.certificates } : {}),
    validationSecret: common.validationSecret,
    requireClientCertificate,
    allowedIds: common.ids,
    minVersion: common.parameters.min ?? (requireClientCertificate ? 'TLSv1.3' : 'TLSv1.2'),
    ...(common.parameters.max === undefined ? {} : { maxVersion: common.parameters.max }),
    ...(common.parameters.ciphers === undefined ? {} : { ciphers: common.parameters.ciphers }),
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
  const commonPath = join(at, 'common_tls_context');
  const common = decodeCommon(reader, commonPath, context.commonTlsContext, 'servers');
  const [certificateSecret = '', second] = common.certificates;
  if (second !== undefined) reader.problem(commonPath, 'more than one certificate of a client is not supported');
  if (common.validationSecret === undefined && context.commonTlsContext !== undefined) {
    reader.problem(join(commonPath, 'validation_context'), 'missing: a server that is not verified is not talked to');
  }
  const inMesh = common.serverNames === undefined;
  if (inMesh && certificateSecret === '' && context.commonTlsContext !== undefined) {
    reader.problem(join(commonPath, 'tls_certificate_sds_secret_configs[0]'), 'missing');
  }
  const { min, max, ciphers } = common.parameters;
  if (inMesh && (max === 'TLSv1.2' || min === 'TLSv1.2')) {
    reader.problem(join(commonPath, 'tls_params'), 'only TLS 1.3 is spoken in the mesh');
  }
  return {
    sni: context.sni,
    expectedIds: common.ids,
    certificateSecret,
    validationSecret: common.validationSecret ?? '',
    alpnProtocols: common.alpnProtocols,
    ...(common.serverNames === undefined
      ? {}
      : { serverNames: withServerName(reader, commonPath, common.serverNames, context.sni) }),
    ...(inMesh || (min === undefined && max === undefined)
      ? {}
      : { versions: { min: min ?? 'TLSv1.2', max: max ?? 'TLSv1.3' } }),
    ...(ciphers === undefined ? {} : { ciphers }),
  };
}

/** Without names of its own, the certificate must be for the server name that is asked for. */
function withServerName(
  reader: Reader,
  path: string,
  names: readonly ServerNameMatch[],
  sni: string,
): readonly ServerNameMatch[] {
  if (names.length > 0) return names;
  if (sni !== '') return [{ type: 'dns', match: { kind: 'exact', value: sni } }];
  const detail = 'missing: without sni, it must say which server is meant';
  reader.problem(join(path, 'validation_context.match_typed_subject_alt_names'), detail);
  return [];
}

interface CommonTls {
  /** Secrets, the default first. */
  certificates: readonly string[];
  validationSecret: string | undefined;
  ids: readonly string[];
  /** Set when the peer proves a name and not a SPIFFE id; empty when none was given. */
  serverNames: readonly ServerNameMatch[] | undefined;
  parameters: DecodedTlsParameters;
  alpnProtocols: readonly string[];
}

function decodeCommon(
  reader: Reader,
  path: string,
  context: CommonTlsContext | undefined,
  peers: 'clients' | 'servers',
): CommonTls {
  if (context === undefined) {
    reader.problem(path, 'missing');
    const nothing = { validationSecret: undefined, ids: [], serverNames: undefined, parameters: {}, alpnProtocols: [] };
    return { certificates: [], ...nothing };
  }
  reader.only(path, context, commonTlsFields);
  return {
    certificates: decodeCertificates(reader, path, context),
    ...decodeValidation(reader, path, context, peers),
    parameters: decodeTlsParameters(reader, join(path, 'tls_params'), context.tlsParams),
    alpnProtocols: decodeAlpn(reader, join(path, 'alpn_protocols'), context.alpnProtocols),
  };
}

/** The certificates written here or named for SDS. */
function decodeCertificates(reader: Reader, path: string, context: CommonTlsContext): string[] {
  const inline = context.tlsCertificates.map((certificate, index) =>
    inlineCertificate(reader, join(path, `tls_certificates[${index}]`), certificate),
  );
  const named = context.tlsCertificateSdsSecretConfigs.map((config, index) =>
    decodeSds(reader, join(path, `tls_certificate_sds_secret_configs[${index}]`), config),
  );
  return [...inline, ...named];
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
  peers: 'clients' | 'servers',
): Pick<CommonTls, 'validationSecret' | 'ids' | 'serverNames'> {
  const nothing = { validationSecret: undefined, ids: [], serverNames: undefined };
  const type = context.validationContextType;
  switch (type?.$case) {
    case 'validationContextSdsSecretConfig': {
      const at = join(path, 'validation_context_sds_secret_config');
      return { ...nothing, validationSecret: decodeSds(reader, at, type.value) };
    }
    case 'validationContext': {
      const at = join(path, 'validation_context');
      if (peers === 'clients') {
        const { secret, ids } = decodeClientValidation(reader, at, type.value);
        return { ...nothing, validationSecret: secret, ids };
      }
      const { secret, names } = decodeOutsideValidation(reader, at, type.value);
      return { ...nothing, validationSecret: secret, serverNames: names };
    }
    case 'combinedValidationContext': {
      const at = join(path, 'combined_validation_context');
      reader.only(at, type.value, combinedValidationFields);
      const { defaultValidationContext: defaults, validationContextSdsSecretConfig: named } = type.value;
      const validationSecret = decodeSds(reader, join(at, 'validation_context_sds_secret_config'), named);
      if (defaults === undefined) return { ...nothing, validationSecret };
      return { validationSecret, ...decodeDefaultNames(reader, join(at, 'default_validation_context'), defaults) };
    }
    default:
      return nothing;
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
