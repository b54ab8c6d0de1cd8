/** What interception catches. Ports are TCP; UDP and ICMP are not intercepted. */
export interface InterceptionOptions {
  /** The proxy's own user; its traffic is left alone, or it would loop. Default 1337. */
  proxyUid: number;
  /** Where outbound connections go. Default 15001. */
  outboundPort: number;
  /** Where inbound connections go. Default 15006. */
  inboundPort: number;
  /** Ports and ranges (`6000-6010`) that are not caught. */
  skipOutboundPorts: readonly string[];
  skipInboundPorts: readonly string[];
}

export const defaultInterception: InterceptionOptions = {
  proxyUid: 1337,
  outboundPort: 15001,
  inboundPort: 15006,
  skipOutboundPorts: [],
  skipInboundPorts: [],
};

/** Ports of the proxy that are spoken to directly: admin, health and metrics. */
const ownPorts = ['15000', '15021', '15090'];

/**
 * The nftables commands, as one transaction: either all rules are in force or none is, and installing twice
 * leaves one set (security.md P-70).
 */
export function renderRuleset(options: InterceptionOptions): string {
  const skip = (ports: readonly string[]) =>
    ports.length === 0 ? [] : [`    tcp dport { ${ports.join(', ')} } return`];
  return [
    // Adding first makes the deletion succeed also when there was no table.
    'add table inet heddle',
    'delete table inet heddle',
    'table inet heddle {',
    '  chain output {',
    '    type nat hook output priority -100; policy accept;',
    `    meta skuid ${options.proxyUid} return`,
    '    oifname "lo" return',
    ...skip(options.skipOutboundPorts),
    `    meta l4proto tcp redirect to :${options.outboundPort}`,
    '  }',
    '  chain prerouting {',
    '    type nat hook prerouting priority -100; policy accept;',
    '    iifname "lo" return',
    ...skip([...ownPorts, ...options.skipInboundPorts]),
    `    meta l4proto tcp redirect to :${options.inboundPort}`,
    '  }',
    '}',
    '',
  ].join('\n');
}

/** Removes the rules; no error when there are none. */
export const removeRuleset = 'add table inet heddle\ndelete table inet heddle\n';

/** Splits `6379,6000-6010`; `undefined` when a part is no port or range. */
export function parsePorts(text: string): string[] | undefined {
  const parts = text.split(',').filter((part) => part !== '');
  const valid = (part: string) =>
    /^\d{1,5}(-\d{1,5})?$/.test(part) && part.split('-').every((port) => Number(port) >= 1 && Number(port) <= 65_535);
  return parts.every(valid) ? parts : undefined;
}
