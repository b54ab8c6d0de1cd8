import { hash } from 'node:crypto';
import { wholeSetTypes } from './order.ts';
import type { TypeUrl, XdsResource } from './resource.ts';

type Target = ReadonlyMap<string, XdsResource>;

/** What a client lacks of what it asked for. */
export interface Difference {
  /** Resources to add or replace. */
  readonly changed: readonly XdsResource[];
  /** Names it asked for that do not exist; said once. */
  readonly absent: readonly string[];
  /** Names it has that are gone. */
  readonly removed: readonly string[];
}

/** A response that the client has not answered yet. */
interface Pending {
  readonly nonce: string;
  readonly changed: readonly XdsResource[];
  readonly removed: readonly string[];
  readonly absent: readonly string[];
  readonly target: Target;
  readonly sentAt: number;
}

/** The client has the resource in one of two versions: it refused the newer, but may have taken parts. */
const uncertain = '?';
/** The client was told that there is no such resource. */
const toldAbsent = '';

/**
 * What one client wants of one type on one stream, what it has, and what it said to it. The same for
 * state-of-the-world and delta; the two differ only in how requests and responses are written.
 */
export class Subscription {
  readonly typeUrl: TypeUrl;
  #wildcard = false;
  #names = new Set<string>();
  /** Once names were given, an empty list means "nothing" and no longer "everything" (XD-07). */
  #everNamed = false;
  #answered = false;
  /** By name the version that the client has. */
  readonly #held = new Map<string, string>();
  /** The resources behind these, for a whole-set response that must not remove what is gone yet. */
  readonly #kept = new Map<string, XdsResource>();
  /** By name the version that the client refused. */
  readonly #refused = new Map<string, string>();
  /** Removals that the client refused, and the resources at that time; tried again when those change. */
  #refusedRemovals: { names: ReadonlySet<string>; target: Target } | undefined;
  #pending: Pending | undefined;
  /** Names to be sent again although a response with them is under way. */
  readonly #again = new Set<string>();
  #lastNonce = '';
  /** The last difference, as long as nothing that it depends on changes: streams ask for it at every request. */
  #difference: { target: Target; value: Difference } | undefined;
  #nacks = 0;
  #error = '';

  constructor(typeUrl: TypeUrl) {
    this.typeUrl = typeUrl;
  }

  get pending(): { readonly nonce: string; readonly sentAt: number } | undefined {
    return this.#pending;
  }

  /** Nonce of the last response; empty before the first. */
  get lastNonce(): string {
    return this.#lastNonce;
  }

  /** Whether the first answer is still owed; a wildcard client waits for it even when there is nothing. */
  get owesAnswer(): boolean {
    return !this.#answered && this.#wildcard;
  }

  get wildcard(): boolean {
    return this.#wildcard;
  }

  get names(): ReadonlySet<string> {
    return this.#names;
  }

  get nacks(): number {
    return this.#nacks;
  }

  /** The proxy's words at its last refusal; empty after it accepted again. */
  get error(): string {
    return this.#error;
  }

  wants(name: string): boolean {
    return this.#wildcard || this.#names.has(name);
  }

  /** State-of-the-world: the whole list of names. */
  replaceNames(names: readonly string[]): void {
    this.#difference = undefined;
    if (names.length === 0) {
      if (this.#everNamed) this.#wildcard = false;
      else this.#wildcard = wholeSetTypes.has(this.typeUrl);
      this.#names.clear();
    } else {
      this.#everNamed = true;
      this.#wildcard = names.includes('*');
      this.#names = new Set(names.filter((name) => name !== '*'));
    }
    for (const name of this.#held.keys()) if (!this.wants(name)) this.forget([name]);
  }

  /**
   * Delta: names to add. Who asks for a name gets it, even when we believe that he has it. An empty list in the first
   * request for a type that has wildcards is the older way to ask for everything.
   */
  add(names: readonly string[], first: boolean): void {
    this.#difference = undefined;
    if (first && names.length === 0) this.#wildcard = wholeSetTypes.has(this.typeUrl);
    for (const name of names) {
      if (name === '*') {
        this.#wildcard = true;
      } else {
        this.#names.add(name);
        this.forget([name]);
      }
    }
  }

  /** Delta: names to leave out. One that a wildcard still covers is sent again, so that the client knows it stays. */
  drop(names: readonly string[]): void {
    this.#difference = undefined;
    for (const name of names) {
      if (name === '*') this.#wildcard = false;
      this.#names.delete(name);
      this.forget([name]);
    }
    for (const name of this.#held.keys()) if (!this.wants(name)) this.forget([name]);
  }

  /** What the client brings along from an earlier stream. */
  assume(versions: Iterable<readonly [name: string, version: string]>): void {
    this.#difference = undefined;
    for (const [name, version] of versions) if (this.wants(name)) this.#held.set(name, version);
  }

  /** State-of-the-world: the client has all of the present resources already. */
  assumeCurrent(target: Target): void {
    const wanted = this.wanted(target);
    this.assume(wanted.map((resource) => [resource.name, resource.version]));
    for (const resource of wanted) this.#kept.set(resource.name, resource);
    this.#answered = true;
  }

  /** Treats resources as never sent. */
  forget(names: Iterable<string>): void {
    this.#difference = undefined;
    for (const name of names) {
      if (this.#pending !== undefined) this.#again.add(name);
      this.#held.delete(name);
      this.#kept.delete(name);
      this.#refused.delete(name);
    }
  }

  /** What the client lacks, apart from what it refused already. */
  difference(target: Target): Difference {
    if (this.#difference?.target !== target) this.#difference = { target, value: this.#compare(target) };
    return this.#difference.value;
  }

  #compare(target: Target): Difference {
    const changed = this.wanted(target).filter(
      ({ name, version }) => this.#held.get(name) !== version && this.#refused.get(name) !== version,
    );
    const absent = [...this.#names].filter((name) => !target.has(name) && !this.#held.has(name));
    const refused = this.#refusedRemovals?.target === target ? this.#refusedRemovals.names : undefined;
    const removed = [...this.#held]
      .filter(([name, version]) => version !== toldAbsent && !target.has(name) && !refused?.has(name))
      .map(([name]) => name);
    return { changed, absent, removed };
  }

  /** All that exists of what the client asked for. */
  wanted(target: Target): XdsResource[] {
    if (this.#wildcard) return [...target.values()];
    return [...this.#names].flatMap((name) => target.get(name) ?? []);
  }

  /** What the client has of resources that are gone, apart from those named. */
  retained(target: Target, removed: readonly string[]): XdsResource[] {
    const going = new Set(removed);
    return [...this.#kept.values()].filter(({ name }) => !target.has(name) && !going.has(name));
  }

  /** The state-of-the-world version of what this subscription covers: equal exactly when the content is. */
  version(target: Target): string {
    const lines = this.wanted(target)
      .map(({ name, version }) => `${name}=${version}`)
      .sort();
    return hash('sha256', lines.join('\n'), 'base64url').slice(0, 12);
  }

  /** Notes a response that was sent and is to be answered. `now` in milliseconds. */
  sent(nonce: string, difference: Difference, target: Target, now: number): void {
    this.#answered = true;
    this.#lastNonce = nonce;
    for (const resource of difference.changed) this.#kept.set(resource.name, resource);
    this.#pending = { nonce, ...difference, target, sentAt: now };
  }

  /** The client took the response; false when it is not the one under way (XD-05). */
  ack(nonce: string): boolean {
    const pending = this.#pending;
    if (pending?.nonce !== nonce) return false;
    this.#pending = undefined;
    this.#difference = undefined;
    this.#error = '';
    for (const { name, version } of pending.changed) {
      this.#refused.delete(name);
      if (this.wants(name) && !this.#again.has(name)) this.#held.set(name, version);
    }
    this.#again.clear();
    for (const name of [...pending.removed, ...pending.absent]) {
      this.#kept.delete(name);
      if (this.#names.has(name)) this.#held.set(name, toldAbsent);
      else this.#held.delete(name);
    }
    return true;
  }

  /** The client refused the response. It may have taken parts of it, so what it has now is uncertain. */
  nack(nonce: string, error: string): boolean {
    const pending = this.#pending;
    if (pending?.nonce !== nonce) return false;
    this.#pending = undefined;
    this.#difference = undefined;
    this.#again.clear();
    this.#nacks++;
    this.#error = error;
    for (const { name, version } of pending.changed) {
      this.#refused.set(name, version);
      if (this.wants(name)) this.#held.set(name, uncertain);
    }
    for (const name of pending.absent) this.#held.set(name, toldAbsent);
    if (pending.removed.length > 0) {
      this.#refusedRemovals = { names: new Set(pending.removed), target: pending.target };
    }
    return true;
  }

  /** Whether something of `target` stands refused. */
  isRefused(target: Target): boolean {
    for (const [name, version] of this.#refused) if (target.get(name)?.version === version) return true;
    return this.#refusedRemovals?.target === target;
  }

  /** Resources that the client has. */
  get heldCount(): number {
    let count = 0;
    for (const version of this.#held.values()) if (version !== toldAbsent) count++;
    return count;
  }
}
