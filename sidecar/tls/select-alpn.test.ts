import { expect, test } from 'vitest';
import { selectAlpn } from './select-alpn.ts';

test('the server’s order decides, not the client’s', () => {
  expect(selectAlpn(['h2', 'http/1.1'], ['http/1.1', 'h2'])).toBe('h2');
  expect(selectAlpn(['h2', 'http/1.1'], ['http/1.1'])).toBe('http/1.1');
});

test('nothing in common ends the handshake', () => {
  expect(selectAlpn(['h2'], ['http/1.1'])).toBeUndefined();
});

test('a chain that prescribes nothing takes HTTP/1.1, or else what the client likes best', () => {
  expect(selectAlpn([], ['h2', 'http/1.1'])).toBe('http/1.1');
  expect(selectAlpn([], ['h2', 'h3'])).toBe('h2');
});
