import type { RequestHead } from '../stream/head.ts';
import type { Filter, FilterCallbacks, FilterFactory, FilterStatus } from './filter.ts';

const certificateHeader = 'x-forwarded-client-cert';
const peerHeader = 'x-heddle-peer';

class MeshIdentity implements Filter {
  readonly #callbacks: FilterCallbacks;

  constructor(callbacks: FilterCallbacks) {
    this.#callbacks = callbacks;
  }

  onRequestHead(head: RequestHead): FilterStatus {
    const { headers } = head;
    const { downstreamPeer } = this.#callbacks.info;
    headers.remove(peerHeader);
    if (downstreamPeer === '') headers.remove(certificateHeader);
    else headers.set(certificateHeader, `URI=${downstreamPeer}`);
    return 'continue';
  }
}

/**
 * Inbound: tells the application who called, by the id that the caller proved in the handshake, in the header that
 * Envoy uses. Whatever a caller wrote there itself is replaced.
 */
export const meshIdentity: FilterFactory = (callbacks) => new MeshIdentity(callbacks);
