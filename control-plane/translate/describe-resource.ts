import { Cluster } from '../../proto/gen/envoy/config/cluster/v3/cluster.ts';
import { ClusterLoadAssignment } from '../../proto/gen/envoy/config/endpoint/v3/endpoint.ts';
import { Listener } from '../../proto/gen/envoy/config/listener/v3/listener.ts';
import { RouteConfiguration } from '../../proto/gen/envoy/config/route/v3/route.ts';
import { Secret } from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/secret.ts';
import { type TypeUrl, typeUrls, type XdsResource } from '../xds/resource.ts';
import { inlineString } from './proto-values.ts';

/** A resource as ProtoJSON, for people. Private keys are replaced by `<redacted>`. */
export function describeResource(typeUrl: TypeUrl, resource: XdsResource): unknown {
  switch (typeUrl) {
    case typeUrls.cluster:
      return Cluster.toJSON(Cluster.decode(resource.bytes));
    case typeUrls.endpoint:
      return ClusterLoadAssignment.toJSON(ClusterLoadAssignment.decode(resource.bytes));
    case typeUrls.listener:
      return Listener.toJSON(Listener.decode(resource.bytes));
    case typeUrls.route:
      return RouteConfiguration.toJSON(RouteConfiguration.decode(resource.bytes));
    case typeUrls.secret:
      return Secret.toJSON(redacted(Secret.decode(resource.bytes)));
  }
}

function redacted(secret: Secret): Secret {
  if (secret.type?.$case !== 'tlsCertificate') return secret;
  const value = { ...secret.type.value, privateKey: inlineString('<redacted>') };
  return { ...secret, type: { $case: 'tlsCertificate', value } };
}
