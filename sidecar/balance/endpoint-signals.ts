/** What requests and health checks taught of an endpoint. Kept beside the endpoint, so that it outlives every change of balancers. */
export class EndpointSignals {
  /** Moving average of latency in milliseconds as of `latencyStamp`; negative until there is one. */
  latencyMs = -1;
  latencyStamp = 0;
  /** When it began to serve, of the monotonic clock, where slow start counts from; `-Infinity` for "long ago". */
  servingSince = Number.NEGATIVE_INFINITY;
  /** Taken out of service by the outlier detector, until it may be tried again. */
  ejected = false;
  /** By active health checks: it does not serve, or it serves but asks for less. */
  checkFailed = false;
  checkDegraded = false;
  /** It asked to be left alone for now (`Retry-After`). Kept by the {@link ./penalty-box.ts}. */
  avoided = false;
  /** Weight made from the load that it reports; 0 for none that counts. */
  reportedWeight = 0;
  /** When the first of an unbroken series of load reports came, and the last; `-Infinity` for none. */
  reportsSince = Number.NEGATIVE_INFINITY;
  reportedAt = Number.NEGATIVE_INFINITY;
}
