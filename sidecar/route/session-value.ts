/** What a session remembers: the endpoint as `address:port`, and when it ends, in seconds of the Unix epoch; 0 for never. */
export interface SessionValue {
  address: string;
  expires: number;
}

const longestValue = 512;

/** The value of a session cookie: Envoy's message `Cookie` (address = 1, expires = 2) in base64. */
export function encodeSession({ address, expires }: SessionValue): string {
  const text = Buffer.from(address);
  const bytes = [0x0a, text.length, ...text];
  if (expires > 0) {
    bytes.push(0x10);
    let rest = expires;
    for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
    bytes.push(rest);
  }
  return Buffer.from(bytes).toString('base64');
}

/** `undefined` for what is not such a value: a client may send anything. */
export function decodeSession(value: string): SessionValue | undefined {
  if (value.length > longestValue) return undefined;
  const bytes = Buffer.from(value, 'base64');
  const length = bytes[1] ?? 0;
  if (bytes[0] !== 0x0a || length === 0 || length > 127 || bytes.length < 2 + length) return undefined;
  const address = bytes.toString('latin1', 2, 2 + length);
  const rest = bytes.subarray(2 + length);
  if (rest.length === 0) return { address, expires: 0 };
  if (rest[0] !== 0x10 || rest.length > 9) return undefined;
  let expires = 0;
  for (const [i, byte] of rest.subarray(1).entries()) expires += (byte & 0x7f) * 128 ** i;
  return { address, expires };
}
