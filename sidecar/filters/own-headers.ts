import type { RequestHead } from '../stream/head.ts';
import type { Filter, FilterFactory, FilterStatus } from './filter.ts';

class OwnHeaders implements Filter {
  onRequestHead(head: RequestHead): FilterStatus {
    head.headers.remove('x-forwarded-client-cert');
    head.headers.remove('x-heddle-peer');
    return 'continue';
  }
}

/** It keeps nothing of a stream, so one serves all. */
const shared = new OwnHeaders();

/**
 * Outbound: an application passes on what it got, identity of its own caller included; the next hop must see only
 * ours, which the handshake proves.
 */
export const ownHeaders: FilterFactory = () => shared;
