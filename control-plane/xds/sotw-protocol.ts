import { DiscoveryRequest, DiscoveryResponse } from '../../proto/gen/envoy/service/discovery/v3/discovery.ts';
import { wholeSetTypes } from './order.ts';
import type { AdsProtocol } from './protocol.ts';
import { readNode } from './read-node.ts';

/**
 * State of the world: every request lists all names, a response of clusters or listeners is the whole set
 * (https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#basic-protocol-overview).
 */
export const sotwProtocol: AdsProtocol = {
  name: 'sotw',

  read(bytes) {
    const request = DiscoveryRequest.decode(bytes);
    const { node, nodeBytes, extensionBytes } = readNode(request.node);
    return {
      node,
      nodeBytes,
      messageBytes: bytes.length - extensionBytes,
      typeUrl: request.typeUrl,
      nonce: request.responseNonce,
      error: request.errorDetail?.message,
      apply(subscription, target, first) {
        subscription.replaceNames(request.resourceNames);
        // After a reconnect the client says which content it has; its version is a hash of exactly that.
        const known = first && request.versionInfo !== '';
        if (known && request.versionInfo === subscription.version(target)) subscription.assumeCurrent(target);
      },
    };
  },

  sayable(typeUrl, difference) {
    // Of other types a response says nothing about names that it does not have.
    return wholeSetTypes.has(typeUrl) ? difference : { ...difference, absent: [], removed: [] };
  },

  sendsWholeSet: (typeUrl) => wholeSetTypes.has(typeUrl),

  write({ typeUrl, nonce, version, resources }) {
    const response = DiscoveryResponse.fromPartial({
      versionInfo: version(),
      typeUrl,
      nonce,
      resources: resources.map((resource) => ({ typeUrl, value: Buffer.from(resource.bytes) })),
    });
    return Buffer.from(DiscoveryResponse.encode(response).finish());
  },
};
