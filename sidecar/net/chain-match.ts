import type { Chain } from './chain.ts';
import { IpRanges, ipBytes } from './ip-range.ts';
import type { FilterChainConfig } from './listener-config.ts';

/** What is known of a connection when its chain is chosen. */
export interface ConnectionTraits {
  readonly transport: 'tls' | 'raw_buffer';
  /** SNI as {@link ClientHello} has it. */
  readonly serverName: string | undefined;
  /** ALPN names of a ClientHello, or what the first bytes of a plaintext connection were found to be. */
  readonly applicationProtocols: readonly string[];
  /** Where the client wanted to go, which is the local end unless the connection was redirected. */
  readonly destination: ConnectionEnd;
  readonly source: ConnectionEnd;
}

/** One end of a TCP connection. The address is empty and the port 0 over a Unix socket. */
export interface ConnectionEnd {
  readonly address: string;
  readonly port: number;
}

/** Of candidates, the ones that fit most closely: the larger number is the closer fit, below 0 is no fit. */
type Criterion = (candidate: Candidate, traits: ConnectionTraits) => number;

interface Candidate {
  readonly chain: Chain;
  readonly config: FilterChainConfig;
  readonly destinations: IpRanges | undefined;
  readonly sources: IpRanges | undefined;
}

/** In Envoy's order: the closest fit by one criterion decides, and the next one chooses among those. */
const criteria: readonly Criterion[] = [
  ({ config }, { destination }) => among(config.match?.destinationPort, (port) => port === destination.port),
  ({ destinations }, { destination }) => longest(destinations, destination.address),
  ({ config }, { serverName }) => closestName(config.serverNames, serverName),
  ({ config }, { transport }) => {
    const wanted = config.tls === undefined ? config.transport : 'tls';
    return among(wanted === 'any' ? undefined : wanted, (one) => one === transport);
  },
  ({ config }, { applicationProtocols }) =>
    among(config.match?.applicationProtocols, (names) => names.some((name) => applicationProtocols.includes(name))),
  ({ sources }, { source }) => longest(sources, source.address),
  ({ config }, { source }) => among(config.match?.sourcePorts, (ports) => ports.includes(source.port)),
];

/** Finds the chain of a connection among those of a listener (`filter_chain_match`). */
export class ChainMatch {
  readonly #candidates: readonly Candidate[];
  readonly #fallback: Chain | undefined;
  /** The only chain, where it takes every connection. */
  readonly #single: Chain | undefined;

  constructor(chains: readonly Chain[], fallback?: Chain) {
    this.#candidates = chains.map((chain) => ({
      chain,
      config: chain.config,
      destinations: rangesOf(chain.config.match?.destinationRanges),
      sources: rangesOf(chain.config.match?.sourceRanges),
    }));
    this.#fallback = fallback;
    const [first, second] = chains;
    this.#single = first !== undefined && second === undefined && takesEverything(first.config) ? first : undefined;
  }

  /** `undefined` when no chain takes the connection; of several with the same match, the first does. */
  find(traits: ConnectionTraits): Chain | undefined {
    if (this.#single !== undefined && traits.transport === 'raw_buffer') return this.#single;
    let candidates = this.#candidates;
    for (const criterion of criteria) {
      candidates = closest(candidates, criterion, traits);
      if (candidates.length === 0) break;
    }
    const chain = candidates[0]?.chain ?? this.#fallback;
    return chain !== undefined && canServe(chain.config, traits.transport) ? chain : undefined;
  }
}

/** Whether some chain looks at SNI or ALPN of connections whose TLS it does not end. */
export function hasPassthrough(configs: readonly FilterChainConfig[]): boolean {
  return configs.some(
    ({ tls, transport, serverNames }) => tls === undefined && (transport === 'tls' || serverNames.length > 0),
  );
}

/** TLS is either ended by the chain, or nothing to it but bytes. */
function canServe({ tls, protocol }: FilterChainConfig, transport: ConnectionTraits['transport']): boolean {
  return transport === 'tls' ? tls !== undefined || protocol.kind === 'tcp' : tls === undefined;
}

function takesEverything({ tls, transport, serverNames, match }: FilterChainConfig): boolean {
  return tls === undefined && transport === 'any' && serverNames.length === 0 && match === undefined;
}

function closest(
  candidates: readonly Candidate[],
  criterion: Criterion,
  traits: ConnectionTraits,
): readonly Candidate[] {
  let best = -1;
  let found: Candidate[] = [];
  for (const candidate of candidates) {
    const fit = criterion(candidate, traits);
    if (fit < 0 || fit < best) continue;
    if (fit > best) {
      best = fit;
      found = [];
    }
    found.push(candidate);
  }
  return found;
}

/** A chain that asks for nothing fits less closely than one that asks for what is there. */
function among<T>(wanted: T | undefined, fits: (wanted: T) => boolean): number {
  return wanted === undefined ? 0 : fits(wanted) ? 1 : -1;
}

function longest(ranges: IpRanges | undefined, address: string): number {
  if (ranges === undefined) return 0;
  const bytes = ipBytes(address);
  return bytes === undefined ? -1 : afterNone(ranges.longestMatch(bytes));
}

/** `0.0.0.0/0` fits more closely than no range at all. */
function afterNone(bits: number): number {
  return bits < 0 ? -1 : bits + 1;
}

const exactName = 1_000;

function closestName(patterns: readonly string[], serverName: string | undefined): number {
  if (patterns.length === 0) return 0;
  if (serverName === undefined) return -1;
  let best = -1;
  for (const pattern of patterns) {
    if (pattern === serverName) return exactName;
    if (!pattern.startsWith('*.')) continue;
    const suffix = pattern.slice(1);
    if (serverName.length > suffix.length && serverName.endsWith(suffix)) best = Math.max(best, suffix.length);
  }
  return best;
}

function rangesOf(ranges: ConstructorParameters<typeof IpRanges>[0] | undefined): IpRanges | undefined {
  return ranges === undefined || ranges.length === 0 ? undefined : new IpRanges(ranges);
}
