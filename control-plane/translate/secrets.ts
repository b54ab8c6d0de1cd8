import { Secret } from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/secret.ts';
import type { TlsSecret } from '../registry/mesh-snapshot.ts';
import type { XdsResource } from '../xds/resource.ts';
import { encodeResource } from './encode-resource.ts';
import type { Memo } from './memo.ts';
import { rootsName, tlsSecretName } from './names.ts';
import { inlineString } from './proto-values.ts';

/** The roots of the trust domain, for every proxy. */
export function rootsSecret(memo: Memo, rootsPem: string): XdsResource {
  return memo.get('roots', [rootsPem], () =>
    encodeResource(
      Secret,
      rootsName,
      Secret.fromPartial({
        name: rootsName,
        type: { $case: 'validationContext', value: { trustedCa: inlineString(rootsPem) } },
      }),
    ),
  );
}

/** A gateway certificate with its key. Give it to the gateways that serve it and to nobody else (security.md P-44). */
export function tlsCertificateSecret(memo: Memo, secret: TlsSecret): XdsResource {
  const name = tlsSecretName(`${secret.namespace}/${secret.name}`);
  return memo.get(`secret ${name}`, [secret], () =>
    encodeResource(
      Secret,
      name,
      Secret.fromPartial({
        name,
        type: {
          $case: 'tlsCertificate',
          value: {
            certificateChain: inlineString(secret.certificatePem),
            privateKey: inlineString(secret.privateKeyPem),
          },
        },
      }),
    ),
  );
}
