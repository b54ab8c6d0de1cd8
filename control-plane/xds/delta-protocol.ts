import { DeltaDiscoveryRequest, DeltaDiscoveryResponse } from '../../proto/gen/envoy/service/discovery/v3/discovery.ts';
import type { AdsProtocol } from './protocol.ts';
import { readNode } from './read-node.ts';

/**
 * Delta: requests add and drop names, responses hold what changed and name what is gone
 * (https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#incremental-xds).
 */
export const deltaProtocol: AdsProtocol = {
  name: 'delta',

  read(bytes) {
    const request = DeltaDiscoveryRequest.decode(bytes);
    const versions = Object.entries(request.initialResourceVersions);
    const { node, nodeBytes, extensionBytes } = readNode(request.node);
    // What a client has grows with the mesh; it is no part of what makes a first message suspicious.
    const versionBytes = versions.reduce((sum, [name, version]) => sum + name.length + version.length + 6, 0);
    return {
      node,
      nodeBytes,
      messageBytes: bytes.length - extensionBytes - versionBytes,
      typeUrl: request.typeUrl,
      nonce: request.responseNonce,
      error: request.errorDetail?.message,
      apply(subscription, _target, first) {
        subscription.add(request.resourceNamesSubscribe, first);
        subscription.drop(request.resourceNamesUnsubscribe);
        if (first) subscription.assume(versions);
      },
    };
  },

  sayable: (_typeUrl, difference) => difference,

  sendsWholeSet: () => false,

  write({ typeUrl, nonce, resources, removed }) {
    const response = DeltaDiscoveryResponse.fromPartial({
      typeUrl,
      nonce,
      resources: resources.map((resource) => ({
        name: resource.name,
        version: resource.version,
        resource: { typeUrl, value: Buffer.from(resource.bytes) },
      })),
      removedResources: [...removed],
    });
    return Buffer.from(DeltaDiscoveryResponse.encode(response).finish());
  },
};
