import { isTrustedName } from '../http/trusted-names.ts';
import type { RequestHead } from '../stream/head.ts';
import type { Headers } from '../stream/headers.ts';
import type { Filter, FilterCallbacks, FilterFactory, FilterStatus } from './filter.ts';

class EdgeHeaders implements Filter {
  readonly #callbacks: FilterCallbacks;

  constructor(callbacks: FilterCallbacks) {
    this.#callbacks = callbacks;
  }

  onRequestHead(head: RequestHead): FilterStatus {
    const { headers } = head;
    const { downstreamAddress, downstreamTls } = this.#callbacks.info;
    removeTrusted(headers);
    headers.appendRaw('x-forwarded-for', 'x-forwarded-for', withoutPort(downstreamAddress));
    headers.appendRaw('x-forwarded-proto', 'x-forwarded-proto', downstreamTls ? 'https' : 'http');
    headers.appendRaw('x-forwarded-host', 'x-forwarded-host', head.authority);
    return 'continue';
  }
}

function removeTrusted(headers: Headers): void {
  const { names } = headers;
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string;
    if (!isTrustedName(name)) continue;
    headers.remove(name);
    // At least the one in this place is gone.
    i--;
  }
}

function withoutPort(address: string): string {
  const colon = address.lastIndexOf(':');
  return colon < 0 ? address : address.slice(0, colon);
}

/** At the edge: takes away what only we may say, then says it (`x-forwarded-for`, `-proto`, `-host`). */
export const edgeHeaders: FilterFactory = (callbacks) => new EdgeHeaders(callbacks);
