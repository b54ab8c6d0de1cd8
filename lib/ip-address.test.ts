import { expect, test } from 'vitest';
import { maskAddress } from './ip-address.ts';

test('addresses keep their first bits', () => {
  const masked = (address: string, v4: number, v6: number) => maskAddress(address, v4, v6);
  expect(masked('192.0.2.77', 24, 64)).toBe('192.0.2.0/24');
  expect(masked('192.0.2.255', 25, 64)).toBe('192.0.2.128/25');
  expect(masked('::ffff:10.1.2.3', 8, 64)).toBe('10.0.0.0/8');
  expect(masked('2001:abcd:ef01:2345:6789:abcd:ef01:234', 24, 64)).toBe('2001:abcd:ef01:2345::/64');
  expect(masked('2001:db8::1', 24, 128)).toBe('2001:db8::1/128');
  expect(masked('64:ff9b::192.0.2.33', 24, 112)).toBe('64:ff9b::c000:0/112');
  expect(masked('1.2.3.4', 0, 0)).toBe('0.0.0.0/0');
  expect(masked('nobody', 24, 64)).toBeUndefined();
});
