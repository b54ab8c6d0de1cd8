import { splitPort } from './split-port.ts';

/**
 * Finds the owner of a host in Envoy's order: exact name, `*suffix` (longest first), `prefix*` (longest first), `*`.
 * The cost grows with the number of different wildcard lengths, never with the number of names.
 *
 * A name without a port stands for that host on every port, unless the same host is also listed with ports:
 * whoever lists `cart:80` and `cart` does not mean `cart:9999`. The first owner of a name keeps it.
 */
export class HostIndex<T> {
  readonly #exact = new Map<string, T>();
  /** Hosts that were listed with a port, without it. */
  readonly #hostsWithPorts = new Set<string>();
  readonly #suffixes = new WildcardGroups<T>();
  readonly #prefixes = new WildcardGroups<T>();
  #any: T | undefined;

  /** `domain` is an exact name, `*.suffix`, `*-suffix`, `prefix.*` or `*`, with or without a port; in any case. */
  add(domain: string, owner: T): void {
    const name = domain.toLowerCase();
    if (name === '*') this.#any ??= owner;
    else if (name.startsWith('*')) this.#suffixes.add(name.slice(1), owner);
    else if (name.endsWith('*')) this.#prefixes.add(name.slice(0, -1), owner);
    else {
      if (!this.#exact.has(name)) this.#exact.set(name, owner);
      const portAt = splitPort(name);
      if (portAt < name.length) this.#hostsWithPorts.add(name.slice(0, portAt));
    }
  }

  /** `authority` is `host[:port]` in lower case. */
  find(authority: string): T | undefined {
    const exact = this.#exact.get(authority);
    if (exact !== undefined) return exact;
    const portAt = splitPort(authority);
    const hasPort = portAt < authority.length;
    const host = hasPort ? authority.slice(0, portAt) : authority;
    if (hasPort && !this.#hostsWithPorts.has(host)) {
      const portless = this.#exact.get(host);
      if (portless !== undefined) return portless;
    }
    return (
      (hasPort ? this.#suffixes.findBySuffix(authority) : undefined) ??
      this.#suffixes.findBySuffix(host) ??
      this.#prefixes.findByPrefix(host) ??
      this.#any
    );
  }
}

/** Wildcards grouped by length, so that each group is one look-up. */
class WildcardGroups<T> {
  /** Longest first. */
  readonly #groups: { length: number; names: Map<string, T> }[] = [];

  add(name: string, owner: T): void {
    let group = this.#groups.find((candidate) => candidate.length === name.length);
    if (group === undefined) {
      group = { length: name.length, names: new Map() };
      this.#groups.push(group);
      this.#groups.sort((a, b) => b.length - a.length);
    }
    if (!group.names.has(name)) group.names.set(name, owner);
  }

  /** The wildcard stands for at least one character. */
  findBySuffix(host: string): T | undefined {
    for (const { length, names } of this.#groups) {
      if (host.length <= length) continue;
      const owner = names.get(host.slice(host.length - length));
      if (owner !== undefined) return owner;
    }
    return undefined;
  }

  findByPrefix(host: string): T | undefined {
    for (const { length, names } of this.#groups) {
      if (host.length <= length) continue;
      const owner = names.get(host.slice(0, length));
      if (owner !== undefined) return owner;
    }
    return undefined;
  }
}
