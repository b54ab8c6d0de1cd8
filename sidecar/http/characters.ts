/** Character codes that have a meaning in HTTP/1 syntax. */
export const TAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SPACE = 0x20;
export const COLON = 0x3a;
export const SEMICOLON = 0x3b;

function table(allowed: (code: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, code) => (allowed(code) ? 1 : 0));
}

const alphanumeric = (code: number) => /[0-9A-Za-z]/.test(String.fromCharCode(code));

/** RFC 9110 §5.6.2 `tchar`: methods and field names. */
export const TOKEN = table((code) => alphanumeric(code) || "!#$%&'*+-.^_`|~".includes(String.fromCharCode(code)));

/** RFC 9110 §5.5: what a field value consists of. Everything but control characters other than tab. */
export const VALUE = table((code) => code === TAB || (code >= SPACE && code !== 0x7f));

/** What a request target consists of: printable ASCII without a fragment (RFC 9112 §3.2). */
export const TARGET = table((code) => code > SPACE && code < 0x7f && code !== 0x23);

/** Value of a hexadecimal digit, or 255. */
export const HEX = Uint8Array.from({ length: 256 }, (_, code) => {
  const digit = String.fromCharCode(code);
  return /[0-9A-Fa-f]/.test(digit) ? Number.parseInt(digit, 16) : 255;
});
