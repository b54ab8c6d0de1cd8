/**
 * Envoy's response flags, as bits. The letters go into the access log, metrics and traces;
 * `meaning` is what the console and `docs/errors.md` say.
 */
export const responseFlags = {
  NR: { bit: 1 << 0, meaning: 'no route matched the request' },
  UH: { bit: 1 << 1, meaning: 'no healthy endpoint' },
  UF: { bit: 1 << 2, meaning: 'the connection to the upstream failed' },
  UC: { bit: 1 << 3, meaning: 'the upstream closed the connection' },
  UT: { bit: 1 << 4, meaning: 'the upstream did not answer in time' },
  UO: { bit: 1 << 5, meaning: 'a circuit breaker is open' },
  URX: { bit: 1 << 6, meaning: 'the retry limit was reached' },
  UPE: { bit: 1 << 7, meaning: 'the upstream broke the protocol' },
  DC: { bit: 1 << 8, meaning: 'the client closed the connection' },
  DPE: { bit: 1 << 9, meaning: 'the client broke the protocol' },
  DT: { bit: 1 << 10, meaning: 'the stream took longer than it may' },
  SI: { bit: 1 << 11, meaning: 'the stream was idle for too long' },
  NC: { bit: 1 << 12, meaning: 'the route names a cluster that does not exist' },
  UAEX: { bit: 1 << 13, meaning: 'refused by authorization' },
  RL: { bit: 1 << 14, meaning: 'refused by a rate limit' },
  LR: { bit: 1 << 15, meaning: 'reset by this proxy' },
  DI: { bit: 1 << 16, meaning: 'delayed on purpose, by fault injection' },
  FI: { bit: 1 << 17, meaning: 'refused on purpose, by fault injection' },
  OM: { bit: 1 << 18, meaning: 'shed because this proxy is overloaded' },
} as const;

export type ResponseFlag = keyof typeof responseFlags;

/** The letters of a bit set in table order, comma separated, or `-`. */
export function formatResponseFlags(bits: number): string {
  if (bits === 0) return '-';
  const letters: string[] = [];
  for (const [letter, flag] of Object.entries(responseFlags)) if ((bits & flag.bit) !== 0) letters.push(letter);
  return letters.join(',');
}
