/**
 * What one check found. `unhealthy` is a verdict; `failed` (no connection, no answer, a status that may be retried)
 * becomes one when it comes often enough.
 */
export interface ProbeResult {
  outcome: 'healthy' | 'degraded' | 'unhealthy' | 'failed';
  /** Stable kebab-case name. */
  reason: string;
  detail: string;
}

/** Checks one endpoint, again and again. */
export interface Probe {
  /** One check; `onResult` is called once, unless it is cancelled. */
  run(onResult: (result: ProbeResult) => void): void;
  /** Gives up the running check, with its connection. */
  cancel(): void;
  /** For good. */
  close(): void;
}

/** Whether all blocks are in the bytes, one after the other; other bytes may stand between them (Envoy's rule). */
export function containsInOrder(bytes: Buffer, blocks: readonly Buffer[]): boolean {
  let from = 0;
  for (const block of blocks) {
    const found = bytes.indexOf(block, from);
    if (found < 0) return false;
    from = found + block.length;
  }
  return true;
}
