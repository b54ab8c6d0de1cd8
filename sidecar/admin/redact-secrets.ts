const redacted = '[redacted]';
const secretName =
  /(private_?key|password|passphrase|token|secret_?value|authorization|cookie|api_?key|hmac_?key|client_?secret)/i;
const secretHeader = /^(authorization|proxy-authorization|cookie|set-cookie|x-api-key)$/i;
const secretText = /-----BEGIN [A-Z ]*PRIVATE KEY-----/;
const maxDepth = 64;

/**
 * A copy for JSON in which whatever carries secrets says `[redacted]`: fields by their name, values beside the name of
 * a header that does, and text with a private key in it. Sets, maps and expressions become what JSON has for them.
 */
export function redactSecrets(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return secretText.test(value) ? redacted : value;
  if (typeof value === 'bigint') return String(value);
  if (value === null || typeof value !== 'object') return value;
  if (depth > maxDepth) return '[too deep]';
  if (value instanceof RegExp) return value.source;
  if (value instanceof Uint8Array) return `[${value.length} bytes]`;
  if (Array.isArray(value) || value instanceof Set) return Array.from(value, (item) => redactSecrets(item, depth + 1));
  const entries =
    value instanceof Map ? [...value].map(([key, item]) => [String(key), item] as const) : Object.entries(value);
  const isSecretHeader = entries.some(
    ([name, field]) => (name === 'name' || name === 'key') && typeof field === 'string' && secretHeader.test(field),
  );
  return Object.fromEntries(
    entries.map(([name, field]) => {
      const isName = name === 'name' || name === 'key';
      const isSecret = carriesText(field) && (secretName.test(name) || (isSecretHeader && !isName));
      return [name, isSecret ? redacted : redactSecrets(field, depth + 1)];
    }),
  );
}

/** A private key may be an object with the text inside (Envoy's DataSource); it goes as a whole. */
function carriesText(field: unknown): boolean {
  return typeof field === 'string' || (typeof field === 'object' && field !== null);
}
