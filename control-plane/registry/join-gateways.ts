import { type Gateway, type GatewayListener, gatewayClassName } from '../model/gateway.ts';
import { secretText } from '../model/secret.ts';
import type { AttachedRoutes } from './attach-routes.ts';
import type { MeshGateway, TlsSecret } from './mesh-snapshot.ts';
import type { Entry, ObjectIndex } from './object-index.ts';
import type { StatusCollector } from './status-collector.ts';

/** Gateways, and the certificates they use and no others; both by `<namespace>/<name>`. */
export interface JoinedGateways {
  readonly gateways: ReadonlyMap<string, MeshGateway>;
  readonly tlsSecrets: ReadonlyMap<string, TlsSecret>;
}

export function joinGateways(objects: ObjectIndex, routes: AttachedRoutes, status: StatusCollector): JoinedGateways {
  const gateways = new Map<string, MeshGateway>();
  const tlsSecrets = new Map<string, TlsSecret>();
  for (const entry of objects.all('Gateway')) {
    const { spec } = entry.object;
    if (spec.gatewayClassName !== gatewayClassName) {
      const message = `class ${spec.gatewayClassName} is not served here; Heddle's is ${gatewayClassName}`;
      status.problem(entry.origin, 'Accepted', 'InvalidParameters', message);
      continue;
    }
    status.ok(entry.origin, 'Accepted', 'Accepted', 'served by Heddle');
    const listeners = spec.listeners.flatMap((listener) => {
      const certificates = joinCertificates(listener, entry, objects, tlsSecrets, status);
      if (listener.protocol === 'HTTPS' && certificates.length === 0) {
        status.problem(entry.origin, 'Programmed', 'Invalid', `listener ${listener.name} has no usable certificate`);
        return [];
      }
      return [
        {
          name: listener.name,
          port: listener.port,
          protocol: listener.protocol,
          hostname: listener.hostname ?? '',
          certificates,
          routes: routes.listeners.get(`${entry.key}/${listener.name}`) ?? [],
        },
      ];
    });
    status.ok(entry.origin, 'ResolvedRefs', 'ResolvedRefs', 'every reference is resolved');
    status.ok(entry.origin, 'Programmed', 'Programmed', `${listeners.length} listeners`);
    gateways.set(entry.key, { namespace: entry.namespace, name: entry.name, listeners });
  }
  return { gateways, tlsSecrets };
}

function joinCertificates(
  listener: GatewayListener,
  entry: Entry<Gateway>,
  objects: ObjectIndex,
  tlsSecrets: Map<string, TlsSecret>,
  status: StatusCollector,
): readonly string[] {
  return (listener.tls?.certificateRefs ?? []).flatMap((ref) => {
    const namespace = ref.namespace ?? entry.namespace;
    const key = `${namespace}/${ref.name}`;
    if (namespace !== entry.namespace) {
      const message = `listener ${listener.name}: Secret ${key} is in another namespace, which must grant this first`;
      status.problem(entry.origin, 'ResolvedRefs', 'RefNotPermitted', message);
      return [];
    }
    const secret = objects.get('Secret', namespace, ref.name);
    if (secret === undefined) {
      const message = `listener ${listener.name}: no Secret ${key} exists`;
      status.problem(entry.origin, 'ResolvedRefs', 'InvalidCertificateRef', message);
      return [];
    }
    tlsSecrets.set(key, {
      namespace,
      name: ref.name,
      certificatePem: secretText(secret.object, 'tls.crt') ?? '',
      privateKeyPem: secretText(secret.object, 'tls.key') ?? '',
    });
    return [key];
  });
}
