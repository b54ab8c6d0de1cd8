/** Suites of TLS 1.2 with forward secrecy and authenticated encryption; no others are spoken (security.md L-42, TLS-25). */
export const authenticatedSuites: readonly string[] = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
];

/** TLS 1.3 has no other ones in use. */
const version13 = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'];

/** What OpenSSL takes: all suites of TLS 1.3, and these of 1.2. */
export function cipherList(suites: readonly string[]): string {
  return [...version13, ...suites].join(':');
}
