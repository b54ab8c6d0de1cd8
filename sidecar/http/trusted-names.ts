/**
 * Names by which hops of ours, or servers behind us, tell each other what the connection was; outside anyone may
 * write them (security.md P-20, AZ-09, TLS-28).
 */
const trustedNames: ReadonlySet<string> = new Set([
  'forwarded',
  'x-real-ip',
  'x-client-ip',
  'true-client-ip',
  'x-cluster-client-ip',
  'x-original-url',
  'x-rewrite-url',
  'x-http-method-override',
  'x-method-override',
  'x-original-host',
]);

/** Whether only we may say it: also `x-forwarded-…` with the certificate among them, ours, and Envoy's. */
export function isTrustedName(name: string): boolean {
  if (name.charCodeAt(0) === 120 && name.charCodeAt(1) === 45) {
    if (name.startsWith('x-forwarded-') || name.startsWith('x-heddle-') || name.startsWith('x-envoy-')) return true;
  }
  return trustedNames.has(name);
}
