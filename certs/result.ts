/** What a check of foreign input answers: a value, or why not. `reason` is a stable kebab-case name, `detail` for people. */
export type Checked<T, Reason extends string = string> = { ok: true; value: T } | Refused<Reason>;

export interface Refused<Reason extends string = string> {
  ok: false;
  reason: Reason;
  detail: string;
}

export function accepted<T>(value: T): { ok: true; value: T } {
  return { ok: true, value };
}

export function refused<Reason extends string>(reason: Reason, detail: string): Refused<Reason> {
  return { ok: false, reason, detail };
}
