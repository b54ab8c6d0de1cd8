const colon = 58;
const zero = 48;
const nine = 57;

/**
 * Index of the `:` before the port in `host[:port]`, or the length when there is no port.
 * An IPv6 address stands in brackets, so that its colons are not taken for a port's.
 */
export function splitPort(authority: string): number {
  for (let i = authority.length - 1; i >= 0; i--) {
    const code = authority.charCodeAt(i);
    if (code === colon) return i;
    if (code < zero || code > nine) break;
  }
  return authority.length;
}
