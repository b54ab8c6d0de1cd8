import fs from 'node:fs';
import { isIP, isIPv4 } from 'node:net';
import { ipBytes } from '../../net/ip-range.ts';
import { type DnsAnswer, DnsClient } from './dns-client.ts';
import type { DnsFamily } from './dns-config.ts';
import { parseHostsFile } from './hosts-file.ts';
import { candidateNames, parseResolvConf } from './resolv-conf.ts';

export interface ResolvedName {
  /** At least one. */
  readonly addresses: readonly string[];
  /** How long the answer holds, in milliseconds; `undefined` where nobody said. */
  readonly ttlMs: number | undefined;
}

export interface NameResolverOptions {
  /** `address` or `address:port`. Default: those of `/etc/resolv.conf`. */
  servers?: readonly string[];
  /** Contents of the two files; by default they are read from `/etc`. */
  readFile?: (path: '/etc/hosts' | '/etc/resolv.conf') => string;
  /** For an answer to one try, of which there are two, in milliseconds. Default 2,000. */
  timeoutMs?: number;
}

/** Addresses of one name that are used (security.md L-72). */
export const maxAddresses = 64;

/**
 * Looks up host names over sockets of its own. Unlike `getaddrinfo`, which Node runs on four threads that TLS, files
 * and compression need too, a slow name server holds nobody else up (security.md P-57).
 */
export class NameResolver {
  readonly #options: NameResolverOptions;

  constructor(options: NameResolverOptions = {}) {
    this.#options = options;
  }

  /** Rejects with a reason for people when there is no address. */
  async resolve(name: string, family: DnsFamily): Promise<ResolvedName> {
    const known = this.#withoutDns(name);
    if (known !== undefined) {
      const addresses = choose(
        known.filter((address) => isIPv4(address)),
        known.filter((address) => !isIPv4(address)),
        family,
      );
      if (addresses.length > 0) return { addresses, ttlMs: undefined };
    }
    const conf = parseResolvConf(this.#read('/etc/resolv.conf'));
    const { servers = conf.servers, timeoutMs = 2_000 } = this.#options;
    const client = new DnsClient({ servers, timeoutMs });
    const reasons: string[] = [];
    for (const candidate of candidateNames(name, conf)) {
      const [four, six] = await Promise.all([
        family === 'v6-only' ? undefined : client.ask(candidate, 'A'),
        family === 'v4-only' ? undefined : client.ask(candidate, 'AAAA'),
      ]);
      const addresses = choose(usable(four), usable(six), family).slice(0, maxAddresses);
      if (addresses.length > 0) {
        const used = [
          ...(addresses.some(isIPv4) && four?.ok ? [four.records.ttl] : []),
          ...(addresses.some((address) => !isIPv4(address)) && six?.ok ? [six.records.ttl] : []),
        ];
        return { addresses, ttlMs: 1_000 * Math.min(...used) };
      }
      reasons.push(`${candidate}: ${reasonOf(four) ?? reasonOf(six) ?? 'no address that can be connected to'}`);
    }
    throw new Error(reasons.join('; '));
  }

  #withoutDns(name: string): readonly string[] | undefined {
    if (isIP(name) > 0) return [name];
    const lower = name.replace(/\.$/, '').toLowerCase();
    const listed = parseHostsFile(this.#read('/etc/hosts')).get(lower);
    if (listed !== undefined) return listed;
    // RFC 6761 section 6.3.
    return lower === 'localhost' || lower.endsWith('.localhost') ? ['127.0.0.1', '::1'] : undefined;
  }

  #read(path: '/etc/hosts' | '/etc/resolv.conf'): string {
    const { readFile } = this.#options;
    if (readFile !== undefined) return readFile(path);
    try {
      return fs.readFileSync(path, 'utf8');
    } catch {
      return '';
    }
  }
}

function reasonOf(answer: DnsAnswer | undefined): string | undefined {
  return answer === undefined || answer.ok ? undefined : answer.reason;
}

function choose(four: readonly string[], six: readonly string[], family: DnsFamily): readonly string[] {
  switch (family) {
    case 'v4-only':
      return four;
    case 'v6-only':
      return six;
    case 'auto':
      return six.length > 0 ? six : four;
    case 'v4-preferred':
      return four.length > 0 ? four : six;
    case 'all':
      return [...six, ...four];
  }
}

/** Without repetitions, and without what nobody can be reached by: `0.0.0.0/8`, multicast, broadcast, `::`. */
function usable(answer: DnsAnswer | undefined): string[] {
  return [...new Set(answer?.ok ? answer.records.addresses : [])].filter((address) => {
    const bytes = ipBytes(address);
    if (bytes === undefined) return false;
    const first = bytes[0] as number;
    return bytes.length === 4 ? first > 0 && first < 224 : first !== 0xff && bytes.some((byte) => byte !== 0);
  });
}
