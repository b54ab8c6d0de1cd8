import type { ConditionDraft } from './status-collector.ts';

interface Transition {
  readonly status: string;
  /** RFC 3339. */
  readonly since: string;
}

/**
 * Since when each condition has the status it has: `lastTransitionTime` of the Kubernetes API, which another reason or
 * message does not move. Kept in memory, so no time is earlier than the start of this control plane.
 */
export class ConditionTransitions {
  /** By owner and type. */
  #transitions = new Map<string, Transition>();

  /** Takes all conditions that hold now, at `wallTime` (milliseconds); those that are gone are forgotten. */
  update(conditions: Iterable<readonly [owner: string, draft: ConditionDraft]>, wallTime: number): void {
    const now = new Date(wallTime).toISOString();
    const next = new Map<string, Transition>();
    for (const [owner, { type, status }] of conditions) {
      const key = keyOf(owner, type);
      const known = this.#transitions.get(key);
      next.set(key, known?.status === status ? known : { status, since: now });
    }
    this.#transitions = next;
  }

  /** RFC 3339; empty for a condition that does not hold. */
  since(owner: string, { type }: ConditionDraft): string {
    return this.#transitions.get(keyOf(owner, type))?.since ?? '';
  }
}

function keyOf(owner: string, type: string): string {
  return `${owner} ${type}`;
}
