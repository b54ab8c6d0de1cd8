import type { Headers } from '../stream/headers.ts';

/** The value of a cookie that the client sent, without quotes; empty when it sent none (RFC 6265, section 5.4). */
export function cookieValue(headers: Headers, name: string): string {
  const { names, values } = headers;
  for (let i = 0; i < names.length; i++) {
    if (names[i] !== 'cookie') continue;
    const found = findIn(values[i] as string, name);
    if (found !== '') return found;
  }
  return '';
}

function findIn(cookies: string, name: string): string {
  for (let at = cookies.indexOf(name); at >= 0; at = cookies.indexOf(name, at + 1)) {
    const equals = at + name.length;
    const begins = at === 0 || /[; ]/.test(cookies[at - 1] as string);
    if (!begins || cookies[equals] !== '=') continue;
    const end = cookies.indexOf(';', equals);
    const value = cookies.slice(equals + 1, end < 0 ? cookies.length : end).trim();
    return value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
  }
  return '';
}

export interface CookieAttributes {
  /** Seconds; `undefined` for a cookie that ends with the browser's session. */
  maxAgeSeconds: number | undefined;
  path: string;
  /** Others, for example `SameSite` and its value, or `Secure` with none. */
  others: readonly { name: string; value: string }[];
}

/** The value of `set-cookie` in Envoy's form; scripts of the page cannot read it. */
export function setCookie(name: string, value: string, { maxAgeSeconds, path, others }: CookieAttributes): string {
  const maxAge = maxAgeSeconds === undefined ? '' : `; Max-Age=${maxAgeSeconds}`;
  const rest = others.map((one) => (one.value === '' ? `; ${one.name}` : `; ${one.name}=${one.value}`)).join('');
  return `${name}="${value}"${maxAge}${path === '' ? '' : `; Path=${path}`}${rest}; HttpOnly`;
}
