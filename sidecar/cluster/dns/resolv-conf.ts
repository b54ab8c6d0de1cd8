import { isIP } from 'node:net';

/** What `/etc/resolv.conf` says of how names are looked up (resolv.conf(5)). */
export interface ResolvConf {
  /** Addresses of name servers, in the order in which they are asked. */
  readonly servers: readonly string[];
  /** Domains that are tried behind a name. */
  readonly search: readonly string[];
  /** A name with so many dots is tried as it is first. */
  readonly ndots: number;
}

const maxServers = 3;
const maxSearch = 6;
const maxNdots = 15;

/** Lines that are not understood are passed over, as the system's own resolver does. */
export function parseResolvConf(text: string): ResolvConf {
  const servers: string[] = [];
  let search: string[] = [];
  let ndots = 1;
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line.trim().split(/\s+/);
    const [server = ''] = values;
    if (keyword === 'nameserver' && isIP(server) > 0) servers.push(server);
    else if (keyword === 'search') search = values.slice(0, maxSearch);
    else if (keyword === 'domain') search = values.slice(0, 1);
    else if (keyword === 'options') {
      const option = values.map((value) => /^ndots:(\d+)$/.exec(value)?.[1]).find((value) => value !== undefined);
      if (option !== undefined) ndots = Math.min(Number(option), maxNdots);
    }
  }
  return {
    servers: servers.length === 0 ? ['127.0.0.1'] : servers.slice(0, maxServers),
    search: search.map((domain) => domain.replace(/\.$/, '')).filter((domain) => domain !== ''),
    ndots,
  };
}

/** The full names to ask for, in order. A name with a dot at its end is taken as it is. */
export function candidateNames(name: string, { search, ndots }: Pick<ResolvConf, 'search' | 'ndots'>): string[] {
  if (name.endsWith('.')) return [name.slice(0, -1)];
  const extended = search.map((domain) => `${name}.${domain}`);
  const dots = name.split('.').length - 1;
  return dots >= ndots ? [name, ...extended] : [...extended, name];
}
