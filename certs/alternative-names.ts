import { type DerElement, derTags, readChildren, readDer, readOid } from './der.ts';

/** A subject alternative name (RFC 5280 section 4.2.1.6). */
export interface AlternativeName {
  readonly type: 'dns' | 'uri' | 'email' | 'ip';
  /** Byte for byte as latin1; four or sixteen bytes for an address. */
  readonly value: string;
}

const subjectAltName = '2.5.29.17';
const maxNames = 1_000;
const types: Readonly<Record<number, AlternativeName['type']>> = { 129: 'email', 130: 'dns', 134: 'uri', 135: 'ip' };

/** The names of a certificate of the web, from its DER; empty when there are none, or they cannot be read. */
export function readAlternativeNames(der: Buffer): readonly AlternativeName[] {
  const [tbs] = readChildren(readDer(der)) ?? [];
  const wrapper = readChildren(tbs)?.find(({ tag }) => tag === 0xa3);
  const extensions = readChildren(readChildren(wrapper, 0xa3)?.[0]) ?? [];
  for (const extension of extensions) {
    const parts = readChildren(extension) ?? [];
    if (readOid(parts[0]) !== subjectAltName) continue;
    const value = parts.at(-1);
    const names = value?.tag === derTags.octetString ? readChildren(readDer(value.content)) : undefined;
    return (names ?? []).slice(0, maxNames).flatMap(nameOf);
  }
  return [];
}

function nameOf({ tag, content }: DerElement): AlternativeName[] {
  const type = types[tag];
  return type === undefined ? [] : [{ type, value: content.toString('latin1') }];
}
