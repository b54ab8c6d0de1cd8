/**
 * The protocol to speak over TLS: the first of `served` that the client offers. A chain that names none takes what the
 * client likes best, but HTTP/1.1 before anything else, as clients expect of servers without ALPN. `undefined` ends
 * the handshake with `no_application_protocol` (RFC 7301 §3.2).
 */
export function selectAlpn(served: readonly string[], offered: readonly string[]): string | undefined {
  if (served.length > 0) return served.find((protocol) => offered.includes(protocol));
  return offered.includes('http/1.1') ? 'http/1.1' : offered[0];
}
