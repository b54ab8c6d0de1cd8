import {
  TlsParameters,
  TlsParameters_TlsProtocol,
} from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/common.ts';
import { authenticatedSuites, cipherList } from '../tls/cipher-suites.ts';
import { fieldsOf } from './message-fields.ts';
import { join, type Reader } from './reader.ts';

export const tlsParametersFields = fieldsOf(TlsParameters, {
  supported: ['tlsMinimumProtocolVersion', 'tlsMaximumProtocolVersion', 'cipherSuites'],
  limits: {
    tlsMinimumProtocolVersion: 'TLS 1.2 and 1.3',
    tlsMaximumProtocolVersion: 'TLS 1.2 and 1.3',
    cipherSuites: 'those with ECDHE and GCM or ChaCha20',
  },
});

type Version = 'TLSv1.2' | 'TLSv1.3';

/** What is set; everything absent has a default that depends on the place. */
export interface DecodedTlsParameters {
  min?: Version;
  max?: Version;
  ciphers?: string;
}

/** Reads `tls_params`. */
export function decodeTlsParameters(
  reader: Reader,
  path: string,
  params: TlsParameters | undefined,
): DecodedTlsParameters {
  if (params === undefined) return {};
  reader.only(path, params, tlsParametersFields);
  const min = decodeVersion(reader, join(path, 'tls_minimum_protocol_version'), params.tlsMinimumProtocolVersion);
  const max = decodeVersion(reader, join(path, 'tls_maximum_protocol_version'), params.tlsMaximumProtocolVersion);
  if (min === 'TLSv1.3' && max === 'TLSv1.2') {
    reader.problem(join(path, 'tls_maximum_protocol_version'), 'is lower than the minimum');
  }
  const suites = params.cipherSuites.flatMap((group, index) =>
    decodeSuites(reader, join(path, `cipher_suites[${index}]`), group),
  );
  return {
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
    ...(suites.length === 0 ? {} : { ciphers: cipherList(suites) }),
  };
}

function decodeVersion(reader: Reader, path: string, version: TlsParameters_TlsProtocol): Version | undefined {
  const { TLS_AUTO, TLSv1_2, TLSv1_3 } = TlsParameters_TlsProtocol;
  if (version === TLS_AUTO) return undefined;
  if (version === TLSv1_2) return 'TLSv1.2';
  if (version !== TLSv1_3) reader.problem(path, 'must be TLS 1.2 or 1.3');
  return 'TLSv1.3';
}

/** One suite, or several of the same rank: `[A|B]`. */
function decodeSuites(reader: Reader, path: string, group: string): string[] {
  return group
    .replace(/^\[(.*)\]$/, '$1')
    .split('|')
    .filter((suite) => {
      const known = authenticatedSuites.includes(suite);
      if (!known) reader.problem(path, `"${suite}" is not among ${authenticatedSuites.join(', ')}`);
      return known;
    });
}
