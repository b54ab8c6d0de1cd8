import net from 'node:net';

/** Whether a text is an IPv4 or IPv6 address, without port or brackets. */
export function isAddress(text: string): boolean {
  return net.isIP(text) !== 0;
}

/**
 * An address with all but its first bits cleared, and how many those are: `192.0.2.0/24`, `2001:db8::/32`. An IPv4
 * address in IPv6 notation counts as IPv4. `undefined` for what is no address.
 */
export function maskAddress(address: string, v4Bits: number, v6Bits: number): string | undefined {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  const text = mapped ?? address;
  if (net.isIPv4(text)) return `${maskV4(text, v4Bits)}/${v4Bits}`;
  return net.isIPv6(text) ? `${maskV6(text, v6Bits)}/${v6Bits}` : undefined;
}

function maskV4(address: string, bits: number): string {
  return address
    .split('.')
    .map((octet, index) => Number(octet) & keep(bits - index * 8, 8))
    .join('.');
}

function maskV6(address: string, bits: number): string {
  const [head = '', tail] = address.split('::');
  const before = groupsOf(head);
  const after = tail === undefined ? [] : groupsOf(tail);
  const groups = [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
  const masked = groups.map((group, index) => (group & keep(bits - index * 16, 16)).toString(16)).join(':');
  // The URL parser writes an address in its one short form (RFC 5952).
  return new URL(`http://[${masked}]`).hostname.slice(1, -1);
}

function groupsOf(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
    return [a * 256 + b, c * 256 + d];
  });
}

/** A mask of `width` bits that keeps the first `bits` of them. */
function keep(bits: number, width: number): number {
  const kept = Math.max(0, Math.min(width, bits));
  return (2 ** width - 1) ^ (2 ** (width - kept) - 1);
}
