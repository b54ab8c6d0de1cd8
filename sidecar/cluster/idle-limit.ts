/** A close after less than this says nothing of a time-out: the endpoint restarts, or it sheds load. Milliseconds. */
const shortestLesson = 400;
/** We close at this share of the time after which the endpoint was seen to close. */
const margin = 0.75;

/**
 * How long an idle connection to an endpoint may be used again. Starts at the configured time and becomes shorter
 * when the endpoint is seen to close idle connections earlier, so that a request never meets the close.
 */
export class IdleLimit {
  #ms: number;

  constructor(configuredMs: number) {
    this.#ms = configuredMs;
  }

  get ms(): number {
    return this.#ms;
  }

  /** The endpoint said in `Keep-Alive` how long it waits. */
  onAnnounced(keepAliveMs: number): void {
    if (keepAliveMs * margin < this.#ms) this.#ms = keepAliveMs * margin;
  }

  /** The endpoint closed a connection that had been idle for so long. */
  onClosedByPeer(idleMs: number): void {
    if (idleMs < shortestLesson) return;
    this.#ms = Math.min(this.#ms, Math.max(shortestLesson, idleMs * margin));
  }
}
