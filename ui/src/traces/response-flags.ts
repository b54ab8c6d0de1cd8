/** What the letters mean; the same words as the proxy's own table. */
export const flagMeanings: Readonly<Record<string, string>> = {
  NR: 'no route matched the request',
  UH: 'no healthy endpoint',
  UF: 'the connection to the upstream failed',
  UC: 'the upstream closed the connection',
  UT: 'the upstream did not answer in time',
  UO: 'a circuit breaker is open',
  URX: 'the retry limit was reached',
  UPE: 'the upstream broke the protocol',
  DC: 'the client closed the connection',
  DPE: 'the client broke the protocol',
  DT: 'the request took longer than the connection may live',
  SI: 'the stream was idle for too long',
  NC: 'the route names a cluster that does not exist',
  UAEX: 'refused by authorization',
  RL: 'refused by a rate limit',
  LR: 'reset by this proxy',
};
