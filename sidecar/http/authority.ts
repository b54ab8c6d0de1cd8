import { isIPv6 } from 'node:net';

const REG_NAME = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?$/;
const MAX_NAME_LENGTH = 255;

/**
 * The canonical form of `host[:port]`: lower case, no trailing dot, IPv6 in brackets without a zone, the port as
 * sent. Returns undefined for what is not one: user info, paths, lists, empty names or labels, ports that are
 * empty, zero-padded or outside 1-65535 (security.md H1-17).
 */
export function canonicalAuthority(text: string): string | undefined {
  const colon = text.lastIndexOf(':');
  const bracket = text.lastIndexOf(']');
  const hasPort = colon > bracket;
  if (hasPort && !isPort(text, colon + 1)) return undefined;
  const host = hasPort ? text.slice(0, colon) : text;
  const port = hasPort ? text.slice(colon) : '';
  if (host.charCodeAt(0) === 0x5b) {
    const address = host.slice(1, -1);
    if (!host.endsWith(']') || address.includes('%') || !isIPv6(address)) return undefined;
    return host.toLowerCase() + port;
  }
  if (host.length > MAX_NAME_LENGTH || !REG_NAME.test(host)) return undefined;
  const lower = host.toLowerCase();
  return (lower.endsWith('.') ? lower.slice(0, -1) : lower) + port;
}

function isPort(text: string, from: number): boolean {
  const length = text.length - from;
  if (length < 1 || length > 5 || text.charCodeAt(from) === 0x30) return false;
  let port = 0;
  for (let i = from; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return false;
    port = port * 10 + digit;
  }
  return port <= 65_535;
}
