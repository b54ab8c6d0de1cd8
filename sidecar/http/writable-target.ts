import type { DroppedField } from './field-policy.ts';

const BAD_TARGET = /[^\x21-\x7e]/;

/**
 * `target` (a path or an authority) as it may be written: whatever a filter has put into it, it becomes no second line
 * or field on the wire. What was escaped is reported as `reason`.
 */
export function writableTarget(target: string, reason: string, onDropped: DroppedField | undefined): string {
  if (!BAD_TARGET.test(target)) return target;
  onDropped?.(reason, '');
  const bytes = Buffer.from(target, 'utf8').toString('latin1');
  return bytes.replace(/[^\x21-\x7e]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
}
