/** A `Content-Length` value, strictly: digits without sign, space, list or leading zeros; or undefined. */
export function parseContentLength(value: string): number | undefined {
  if (value.length === 0 || value.length > 16) return undefined;
  if (value.length > 1 && value.charCodeAt(0) === 0x30) return undefined;
  let length = 0;
  for (let i = 0; i < value.length; i++) {
    const digit = value.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    length = length * 10 + digit;
  }
  return length <= Number.MAX_SAFE_INTEGER ? length : undefined;
}
