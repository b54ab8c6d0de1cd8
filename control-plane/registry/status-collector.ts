import type { Condition } from '../../proto/api/v1.ts';

/** A condition without the time at which it began to hold. */
export type ConditionDraft = Omit<Condition, 'lastTransitionTime'>;

/** What holds for one parent of a route, as in the Gateway API's `status.parents`. */
export interface ParentStatus {
  readonly parentRef: unknown;
  readonly conditions: readonly ConditionDraft[];
}

export interface ObjectStatus {
  readonly conditions: readonly ConditionDraft[];
  readonly parents: readonly ParentStatus[];
}

/** Gathers, while objects are joined, what each object should be told. A problem wins over an all-clear. */
export class StatusCollector {
  readonly #conditions = new Map<string, Map<string, ConditionDraft>>();
  readonly #parents = new Map<string, ParentStatus[]>();

  /** A condition holds. */
  ok(origin: string, type: string, reason: string, message: string): void {
    this.#set(origin, { type, status: 'True', reason, message });
  }

  /** A condition does not hold; several reasons are told in one message. */
  problem(origin: string, type: string, reason: string, message: string): void {
    this.#set(origin, { type, status: 'False', reason, message });
  }

  parent(origin: string, status: ParentStatus): void {
    const list = this.#parents.get(origin);
    if (list === undefined) this.#parents.set(origin, [status]);
    else list.push(status);
  }

  of(origin: string): ObjectStatus {
    return {
      conditions: [...(this.#conditions.get(origin)?.values() ?? [])],
      parents: this.#parents.get(origin) ?? [],
    };
  }

  /** Every condition with its owner: an object, or an object and one of its parents. */
  *all(): Generator<readonly [owner: string, draft: ConditionDraft]> {
    for (const [origin, conditions] of this.#conditions) {
      for (const draft of conditions.values()) yield [origin, draft];
    }
    for (const [origin, parents] of this.#parents) {
      for (const { parentRef, conditions } of parents) {
        const owner = parentOwner(origin, parentRef);
        for (const draft of conditions) yield [owner, draft];
      }
    }
  }

  #set(origin: string, draft: ConditionDraft): void {
    let conditions = this.#conditions.get(origin);
    if (conditions === undefined) {
      conditions = new Map();
      this.#conditions.set(origin, conditions);
    }
    const present = conditions.get(draft.type);
    if (present === undefined || (present.status === 'True' && draft.status === 'False')) {
      conditions.set(draft.type, draft);
    } else if (draft.status === 'False' && !present.message.includes(draft.message)) {
      conditions.set(draft.type, { ...present, message: `${present.message}; ${draft.message}` });
    }
  }
}

/** Names the conditions that an object has for one parent; two parents of a route may differ. */
export function parentOwner(origin: string, parentRef: unknown): string {
  return `${origin} ${JSON.stringify(parentRef)}`;
}
