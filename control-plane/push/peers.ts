/** Who is at the other end of a connection: a verified SPIFFE id, or why there is none. */
export type Peer =
  | { readonly kind: 'verified'; readonly id: string; readonly notAfter: number }
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'refused'; readonly reason: string };

interface Entry {
  readonly peer: Peer;
  readonly close: () => void;
}

/**
 * The peers of open connections, by the client's `address:port`, which is how a gRPC handler knows its connection.
 * While a connection is open no other one can have the same pair on this server's port.
 */
export class Peers {
  readonly #entries = new Map<string, Entry>();

  /** Notes a connection; `close` ends it. The returned function forgets it. */
  add(address: string, peer: Peer, close: () => void): () => void {
    const entry = { peer, close };
    this.#entries.set(address, entry);
    return () => {
      if (this.#entries.get(address) === entry) this.#entries.delete(address);
    };
  }

  /** The verified SPIFFE id behind an address; undefined when there is none. */
  identify(address: string): string | undefined {
    const peer = this.#entries.get(address)?.peer;
    return peer?.kind === 'verified' ? peer.id : undefined;
  }

  /** Ends the connection of an address. */
  disconnect(address: string): void {
    this.#entries.get(address)?.close();
  }

  closeAll(): void {
    for (const { close } of [...this.#entries.values()]) close();
  }
}
