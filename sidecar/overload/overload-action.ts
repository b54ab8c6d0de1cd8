import type { OverloadActionConfig, OverloadTrigger } from './overload-config.ts';

/** An action ends only when the pressure is so far below where it began, so that it does not flap. */
const hysteresis = 0.02;

/** An action and how strongly it is taken now. */
export class OverloadAction {
  readonly config: OverloadActionConfig;
  /** 0 for not at all, 1 for fully. */
  strength = 0;
  /** How often it was begun. */
  begun = 0;
  readonly #active: boolean[];

  constructor(config: OverloadActionConfig) {
    this.config = config;
    this.#active = config.triggers.map(() => false);
  }

  /** Looks at the pressures anew; tells whether the action begins or ends with that. */
  update(pressureOf: (resource: string) => number): 'begins' | 'ends' | undefined {
    const before = this.strength;
    this.strength = 0;
    for (const [index, trigger] of this.config.triggers.entries()) {
      this.strength = Math.max(this.strength, this.#strengthOf(trigger, index, pressureOf(trigger.resource)));
    }
    if (before === 0 && this.strength > 0) {
      this.begun++;
      return 'begins';
    }
    return before > 0 && this.strength === 0 ? 'ends' : undefined;
  }

  #strengthOf(trigger: OverloadTrigger, index: number, pressure: number): number {
    const start = trigger.kind === 'threshold' ? trigger.value : trigger.from;
    const active = pressure > (this.#active[index] ? start - hysteresis : start) || (start > 0 && pressure === start);
    this.#active[index] = active;
    if (!active) return 0;
    if (trigger.kind === 'threshold') return 1;
    const grown = (pressure - trigger.from) / (trigger.full - trigger.from);
    return Math.min(1, Math.max(0.001, grown));
  }
}
