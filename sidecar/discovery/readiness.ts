import type { ListenerStatus } from './warming.ts';

/** What a proxy must have before it says it is ready. */
export interface ExpectedListeners {
  /** Listeners without which it is not ready. */
  required: readonly string[];
  /** Listeners that are waited for, but only for a while: their service may not exist yet. */
  optional: readonly string[];
  /** Whether at least one listener, of whatever name, must be up: a gateway. */
  atLeastOne: boolean;
}

export interface Readiness {
  ready: boolean;
  /** Why not, for people; empty when ready. */
  reason: string;
}

/**
 * Whether the proxy can take traffic. `patient` is true while optional listeners are still waited for. Never ready
 * without configuration: an empty proxy would answer 404 to everything.
 */
export function readinessOf(
  expected: ExpectedListeners,
  listeners: readonly ListenerStatus[],
  patient: boolean,
): Readiness {
  const active = new Set(listeners.filter(({ state }) => state === 'active').map(({ name }) => name));
  const awaited = patient ? [...expected.required, ...expected.optional] : expected.required;
  const missing = awaited.filter((name) => !active.has(name));
  const warming = listeners.filter(({ state }) => state === 'warming').map(({ name }) => name);
  if (missing.length > 0) return { ready: false, reason: `waiting for listeners: ${missing.join(', ')}` };
  if (!expected.atLeastOne) return { ready: true, reason: '' };
  if (warming.length > 0) return { ready: false, reason: `listeners are warming: ${warming.join(', ')}` };
  if (active.size === 0) return { ready: false, reason: 'no listener yet' };
  return { ready: true, reason: '' };
}
