import type { Clock } from '../../lib/clock.ts';
import type { Headers } from '../stream/headers.ts';

/** The lines of a response that a proxy answers for where the upstream has not: `server` and `date`. */
export class LocalFields {
  readonly #server: string;
  readonly #clock: Clock | undefined;
  #second = -1;
  #date = '';

  /** Without a clock there is no `date`, without a name no `server`. */
  constructor(serverName: string | undefined, clock: Clock | undefined) {
    this.#server = serverName === undefined ? '' : `server: ${serverName}\r\n`;
    this.#clock = clock;
  }

  /** The lines that `headers` lack; all of them for undefined. */
  lines(headers: Headers | undefined): string {
    const server = this.#server !== '' && headers?.has('server') !== true ? this.#server : '';
    if (this.#clock === undefined || headers?.has('date') === true) return server;
    return server + this.#dateLine(this.#clock);
  }

  /** Made anew once a second. */
  #dateLine(clock: Clock): string {
    const second = Math.floor(clock.wallTime() / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#date = `date: ${new Date(second * 1_000).toUTCString()}\r\n`;
    }
    return this.#date;
  }
}
