import assert from 'node:assert/strict';
import { canonicalAuthority } from '../../../sidecar/http/authority.ts';
import { canonicalPath } from '../../../sidecar/http/canonical-path.ts';
import { TARGET } from '../../../sidecar/http/characters.ts';
import { parseContentLength } from '../../../sidecar/http/content-length.ts';
import { fieldName } from '../../../sidecar/http/field-names.ts';
import { readMethod } from '../../../sidecar/http/method-names.ts';
import { damage, type FuzzTarget, pick } from '../target.ts';

const tokens = [
  '/',
  '//',
  '.',
  '..',
  '%2e',
  '%2E',
  '%2f',
  '%5c',
  '%00',
  '%',
  ';',
  '?',
  '\\',
  'a',
  'b',
  '/../',
  '/./',
].map((token) => Buffer.from(token));
const paths = ['/', '/a/b/c', '/a/../b', '/a/./b/', '/a?b=/../c', '/%2e%2e/x', '/a%2fb'].map((path) =>
  Buffer.from(path),
);

/** What the codecs let through to the canonicaliser: `/` and printable ASCII without a fragment. */
export const path: FuzzTarget = {
  name: 'path',
  make: (random) =>
    random() < 0.5
      ? Buffer.concat(Array.from({ length: Math.floor(random() * 12) }, () => pick(tokens, random)))
      : damage(pick(paths, random), random, tokens),
  check(input) {
    const target = `/${[...input]
      .filter((byte) => TARGET[byte] === 1)
      .map((byte) => String.fromCharCode(byte))
      .join('')}`;
    for (const edge of [true, false]) {
      const canonical = canonicalPath(target, edge);
      if (!canonical.startsWith('/')) {
        assert.match(canonical, /^h1\.[a-z-]+$/);
        continue;
      }
      assert.equal(canonicalPath(canonical, edge), canonical, 'canonical twice is not canonical once');
      const [resource = ''] = canonical.split('?');
      assert.doesNotMatch(resource, /\\/);
      const query = (text: string) => (text.includes('?') ? text.slice(text.indexOf('?')) : '');
      assert.equal(query(canonical), query(target), 'the query changed');
      if (!edge) assert.equal(canonical, target);
      else {
        assert.doesNotMatch(resource, /\/\/|;|%2f|%5c|%00|\/(?:\.|%2e){1,2}(?:\/|$)|%(?![0-9a-f]{2})/i);
        // WHATWG's parser resolves the same dots to the same path.
        assert.equal(new URL(`http://a${encodeLoose(resource)}`).pathname, encodeLoose(resource));
      }
    }
  },
};

/** What the URL standard would write encoded. */
function encodeLoose(text: string): string {
  return text.replace(/["<>`{}^]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

const words = ['host', 'a.test:80', '[::1]:443', 'x-user', 'X_User', 'GET', '123', '0', 'A.Test.', 'content-length'];
const pieces = [...words, ':', '%25', '@', ' ', '\t', '\0', '\r\n', '.', '-', '_', '99999', ']'].map((word) =>
  Buffer.from(word),
);

/** Names, authorities, methods and lengths as both codecs judge them. */
export const headers: FuzzTarget = {
  name: 'headers',
  make: (random) => damage(Buffer.from(pick(words, random)), random, pieces),
  check(input) {
    const text = input.toString('latin1');
    if (input.length > 0) {
      const field = fieldName(input, 0, input.length);
      assert.equal(field.rawName, text);
      assert.equal(field.name, text.toLowerCase());
      assert.equal(field.alias, text.includes('_') || text.includes('.'));
      // Learnt or not, and wherever it lies, a name is the same.
      const again = fieldName(Buffer.concat([Buffer.from('x'), input, Buffer.from('y')]), 1, input.length + 1);
      assert.deepEqual([again.name, again.kind, again.lower], [field.name, field.kind, field.lower]);
      if (field.lower) assert.match(text, /^:?[!#$%&'*+.^_`|~0-9a-z-]+$/);
    }
    const authority = canonicalAuthority(text);
    if (authority !== undefined) {
      assert.equal(canonicalAuthority(authority), authority, 'canonical twice is not canonical once');
      assert.match(authority, /^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[1-9]\d{0,4})?$/);
    }
    // The parsers refuse an empty one before.
    for (const edge of input.length > 0 ? [true, false] : [])
      assert.match(readMethod(text, edge, true), edge ? /^[A-Z-]+$|^h1\./ : /[^a-z]|^h1\./s);
    const length = parseContentLength(text);
    if (length !== undefined) assert.equal(String(length), text);
  },
};
