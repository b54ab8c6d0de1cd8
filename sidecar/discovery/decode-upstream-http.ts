import type { Cluster } from '../../proto/gen/envoy/config/cluster/v3/cluster.ts';
import {
  HttpProtocolOptions as CommonOptions,
  Http1ProtocolOptions,
  type Http2ProtocolOptions,
} from '../../proto/gen/envoy/config/core/v3/protocol.ts';
import {
  HttpProtocolOptions_AutoHttpConfig as AutoConfig,
  HttpProtocolOptions_UseDownstreamHttpConfig as DownstreamConfig,
  HttpProtocolOptions_ExplicitHttpConfig as ExplicitConfig,
  HttpProtocolOptions,
} from '../../proto/gen/envoy/extensions/upstreams/http/v3/http_protocol_options.ts';
import type { ClusterConfig } from '../cluster/cluster-config.ts';
import type { UpstreamHttpConfig } from '../cluster/upstream-http.ts';
import { upstreamHttp2 } from '../stream/http2-settings.ts';
import { decodeHttp2Options } from './decode-http2-options.ts';
import { fieldsOf } from './message-fields.ts';
import { join, type Reader } from './reader.ts';

export const httpProtocolOptionsFields = fieldsOf(HttpProtocolOptions, {
  supported: [
    'commonHttpProtocolOptions',
    'upstreamProtocolOptions.explicitHttpConfig',
    'upstreamProtocolOptions.autoConfig',
    'upstreamProtocolOptions.useDownstreamProtocolConfig',
  ],
});

export const commonOptionsFields = fieldsOf(CommonOptions, {
  supported: ['idleTimeout', 'maxConnectionDuration', 'maxRequestsPerConnection'],
  place: 'of a cluster',
});

export const explicitConfigFields = fieldsOf(ExplicitConfig, {
  supported: ['protocolConfig.httpProtocolOptions', 'protocolConfig.http2ProtocolOptions'],
});

export const autoConfigFields = fieldsOf(AutoConfig, { supported: ['httpProtocolOptions', 'http2ProtocolOptions'] });

export const downstreamConfigFields = fieldsOf(DownstreamConfig, {
  supported: ['httpProtocolOptions', 'http2ProtocolOptions'],
});

export const http1OptionsFields = fieldsOf(Http1ProtocolOptions, {
  supported: ['headerKeyFormat'],
  limits: { headerKeyFormat: '`preserve_case`, which is always done' },
  ignored: {
    allowAbsoluteUrl: 'requests go out in origin form',
    enableTrailers: 'trailers are always passed on',
    allowChunkedLength: 'a message with both framings is refused',
    overrideStreamErrorOnInvalidHttpMessage: 'an invalid message always ends the connection',
  },
  place: 'of a cluster',
});

const optionsName = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
/** Envoy's names of the formatter that keeps the case of header names. */
const preserveCase =
  'type.googleapis.com/envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig';

type UpstreamHttp = Pick<ClusterConfig, 'protocol' | 'idleTimeoutMs'> & { http: UpstreamHttpConfig };

/** Reads `typed_extension_protocol_options` of a cluster: what is spoken to its endpoints, and over which connections. */
export function decodeUpstreamHttp(reader: Reader, message: Cluster): UpstreamHttp {
  for (const name of Object.keys(message.typedExtensionProtocolOptions)) {
    if (name !== optionsName) reader.problem(`typed_extension_protocol_options["${name}"]`, 'not supported');
  }
  const packed = message.typedExtensionProtocolOptions[optionsName];
  const path = `typed_extension_protocol_options["${optionsName}"]`;
  const options = packed === undefined ? undefined : reader.unpack(path, packed, HttpProtocolOptions);
  if (options !== undefined) reader.only(path, options, httpProtocolOptionsFields);
  const { protocol, http2 } = decodeProtocol(reader, path, options);
  const commonPath = join(path, 'common_http_protocol_options');
  const common = options?.commonHttpProtocolOptions;
  if (common !== undefined) reader.only(commonPath, common, commonOptionsFields);
  return {
    protocol,
    idleTimeoutMs: reader.positiveDuration(join(commonPath, 'idle_timeout'), common?.idleTimeout, 4_000),
    http: {
      maxRequestsPerConnection: common?.maxRequestsPerConnection ?? 0,
      maxConnectionDurationMs: reader.duration(
        join(commonPath, 'max_connection_duration'),
        common?.maxConnectionDuration,
        0,
      ),
      http2: decodeHttp2Options(reader, http2.path, http2.options, upstreamHttp2),
    },
  };
}

interface ChosenProtocol {
  protocol: UpstreamHttp['protocol'];
  http2: { path: string; options: Http2ProtocolOptions | undefined };
}

function decodeProtocol(reader: Reader, path: string, options: HttpProtocolOptions | undefined): ChosenProtocol {
  const chosen = options?.upstreamProtocolOptions;
  switch (chosen?.$case) {
    case 'explicitHttpConfig':
      return decodeExplicit(reader, join(path, 'explicit_http_config'), chosen.value);
    case 'autoConfig': {
      const at = join(path, 'auto_config');
      reader.only(at, chosen.value, autoConfigFields);
      return decodeBoth(reader, at, 'auto', chosen.value);
    }
    case 'useDownstreamProtocolConfig': {
      const at = join(path, 'use_downstream_protocol_config');
      reader.only(at, chosen.value, downstreamConfigFields);
      return decodeBoth(reader, at, 'downstream', chosen.value);
    }
    default:
      return { protocol: 'http1', http2: { path, options: undefined } };
  }
}

function decodeExplicit(reader: Reader, path: string, config: ExplicitConfig): ChosenProtocol {
  reader.only(path, config, explicitConfigFields);
  const chosen = config.protocolConfig;
  if (chosen?.$case === 'http2ProtocolOptions') {
    return { protocol: 'http2', http2: { path: join(path, 'http2_protocol_options'), options: chosen.value } };
  }
  if (chosen?.$case === 'httpProtocolOptions') {
    checkHttp1Options(reader, join(path, 'http_protocol_options'), chosen.value);
  }
  return { protocol: 'http1', http2: { path, options: undefined } };
}

function decodeBoth(
  reader: Reader,
  path: string,
  protocol: 'auto' | 'downstream',
  config: AutoConfig | DownstreamConfig,
): ChosenProtocol {
  checkHttp1Options(reader, join(path, 'http_protocol_options'), config.httpProtocolOptions);
  return { protocol, http2: { path: join(path, 'http2_protocol_options'), options: config.http2ProtocolOptions } };
}

function checkHttp1Options(reader: Reader, path: string, options: Http1ProtocolOptions | undefined): void {
  if (options === undefined) return;
  reader.only(path, options, http1OptionsFields);
  const format = options.headerKeyFormat?.headerFormat;
  if (format === undefined) return;
  if (format.$case === 'statefulFormatter' && format.value.typedConfig?.typeUrl === preserveCase) return;
  reader.problem(join(path, 'header_key_format'), 'only preserve_case is supported');
}
