import net from 'node:net';
import { type Random, systemRandom } from './random.ts';

// Below Linux's range for outgoing connections (32768 and up): one of those cannot take a port between our finding it
// free and its owner binding it.
const first = 20_000;
const last = 32_000;

/** Gives out ports that are free now, at random so that processes that start together do not meet, never one twice. */
export class FreePorts {
  readonly #given = new Set<number>();
  readonly #random: Random;

  constructor(random: Random = systemRandom) {
    this.#random = random;
  }

  /**
   * A free port of `address`; `preferred` when that is free.
   *
   * @throws Error when 1,000 tries found none.
   */
  async next(address = '127.0.0.1', preferred = 0): Promise<number> {
    for (let attempt = 0; attempt < 1000; attempt++) {
      const chosen = attempt === 0 && preferred > 0;
      const port = chosen ? preferred : first + Math.floor(this.#random() * (last - first));
      if (this.#given.has(port)) continue;
      if (!(await canBind(port, address))) continue;
      this.#given.add(port);
      return port;
    }
    throw new Error(`no free port on ${address} between ${first} and ${last}`);
  }
}

/** Whether a port can be bound now. */
export function canBind(port: number, address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: address, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
