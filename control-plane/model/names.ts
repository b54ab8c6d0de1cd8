import { z } from 'zod';

/** An RFC 1123 label: what services, workloads and namespaces are called. */
export const dnsLabel = z
  .string()
  .max(63, 'at most 63 characters')
  .regex(
    /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/,
    'must be an RFC 1123 label: lower-case letters, digits and -, beginning and ending with a letter or digit',
  );

/** An RFC 1123 subdomain: labels joined by dots. */
export const dnsSubdomain = z
  .string()
  .max(253, 'at most 253 characters')
  .regex(
    /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/,
    'must be an RFC 1123 name: lower-case letters, digits, - and ., each part beginning and ending with a letter or digit',
  );

/** A host name of the Gateway API: a subdomain, the first label of which may be `*`. Never an IP address. */
export const hostname = z
  .string()
  .max(253, 'at most 253 characters')
  .regex(
    /^(?:\*\.)?[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/,
    'must be a lower-case host name without port, such as shop.example.com or *.example.com',
  )
  .refine((value) => !/^[\d.]+$/.test(value), 'must be a host name, not an IP address');

/** A listener's or port's name in the Gateway API (`SectionName`). */
export const sectionName = dnsSubdomain;

export const portNumber = z
  .number()
  .int('must be a whole number')
  .min(1, 'must be 1 to 65535')
  .max(65_535, 'must be 1 to 65535');

const labelName = /^(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;

export const labelKey = z
  .string()
  .max(317, 'at most 317 characters')
  .regex(labelName, 'must be a label key, such as app or example.com/team');

export const labelValue = z
  .string()
  .max(63, 'at most 63 characters')
  .regex(
    /^(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/,
    'must be a label value: letters, digits, -, _ and ., beginning and ending with a letter or digit',
  );

/** At most 64 labels, as keys to values. */
export const labels = z
  .record(labelKey, labelValue)
  .refine((value) => Object.keys(value).length <= 64, 'at most 64 labels');

/** An IPv4 or IPv6 address in text. */
export const ipAddress = z.union([z.ipv4(), z.ipv6()], { error: 'must be an IP address, such as 127.0.0.1' });

/** Complains about each element whose key was there before. */
export function refuseDuplicates<T>(
  items: readonly T[],
  keyOf: (item: T) => string | undefined,
  report: (index: number, key: string) => void,
): void {
  const seen = new Set<string>();
  items.forEach((item, index) => {
    const key = keyOf(item);
    if (key === undefined) return;
    if (seen.has(key)) report(index, key);
    seen.add(key);
  });
}
