import { isIP } from 'node:net';

/** Addresses by name in lower case, as `/etc/hosts` lists them (hosts(5)). */
export function parseHostsFile(text: string): ReadonlyMap<string, readonly string[]> {
  const hosts = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (isIP(address) === 0) continue;
    for (const name of names) {
      const key = name.toLowerCase();
      const known = hosts.get(key) ?? [];
      hosts.set(key, known.includes(address) ? known : [...known, address]);
    }
  }
  return hosts;
}
