import type { Resource } from '../../proto/api/v1.ts';

/** An object as it is kept: `metadata` has uid, generation, resourceVersion and creationTimestamp; no `status`. */
export interface StoredObject {
  readonly resource: Resource;
  /** Who owns it: `api`, `folder:<path>` or `registration`. */
  readonly source: string;
}

export interface PutResult {
  readonly action: 'created' | 'configured' | 'unchanged';
  readonly stored: StoredObject;
}

/** One committed change. */
export interface StoreChange {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** Absent when it was deleted. */
  readonly stored: StoredObject | undefined;
}

/** A version of an object in its history. */
export interface HistoryEntry {
  readonly resourceVersion: string;
  readonly at: string;
  /** Absent for a deletion. */
  readonly resource: Resource | undefined;
}

/**
 * Durable objects. Every call is synchronous; a write is on the disk when it (or the transaction around it) returns.
 * Failures of the disk are a {@link import('./store-error.ts').StoreError} and change nothing.
 */
export interface Store {
  get(kind: string, namespace: string, name: string): StoredObject | undefined;
  /** Sorted by kind, namespace and name; of all kinds without `kind`. */
  list(kind?: string): readonly StoredObject[];
  /**
   * Creates or replaces. Equal content and the same source is `unchanged` and writes nothing. `generation` grows when
   * more than metadata changes.
   */
  put(resource: Resource, source: string): PutResult;
  /** What {@link put} would do. */
  preview(resource: Resource, source: string): PutResult['action'];
  /** Whether it was there. */
  delete(kind: string, namespace: string, name: string): boolean;
  /** Newest first, at most 20. */
  history(kind: string, namespace: string, name: string): readonly HistoryEntry[];
  /** All of `fn`'s writes or, when it throws, none. A transaction inside a transaction is part of the outer one. */
  transaction<T>(fn: () => T): T;
  /** Tells of each transaction's changes after it is committed. Returns what ends it. */
  watch(listener: (changes: readonly StoreChange[]) => void): () => void;
  /** Grows with each change of any object. */
  readonly resourceVersion: number;
  close(): void;
}
