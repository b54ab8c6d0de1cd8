import net from 'node:net';
import { type Random, systemRandom } from '../../lib/random.ts';
import { CliError, ExitCode } from '../cli-error.ts';

// Below Linux's range for outgoing connections (32768 and up): one of those cannot take a port between our finding it
// free and its owner binding it.
const first = 20_000;
const last = 32_000;

/** Whether nobody listens on a port of 127.0.0.1 or of all addresses. */
async function isFree(port: number): Promise<boolean> {
  return (await canBind(port, '127.0.0.1')) && (await canBind(port, '0.0.0.0'));
}

/** @throws CliError naming the flag when a port is taken; 0 never is. */
export async function requireFreePort(port: number, flag: string): Promise<void> {
  if (port === 0 || (await isFree(port))) return;
  throw new CliError(`port ${port} is taken; end who uses it, or choose another with ${flag}`, ExitCode.usage);
}

/** Gives out ports that are free now, never the same twice. */
export class FreePorts {
  readonly #given = new Set<number>();
  readonly #random: Random;

  constructor(random: Random = systemRandom) {
    this.#random = random;
  }

  /** @throws Error when 1,000 tries found none. */
  async next(): Promise<number> {
    for (let attempt = 0; attempt < 1000; attempt++) {
      const port = first + Math.floor(this.#random() * (last - first));
      if (this.#given.has(port)) continue;
      this.#given.add(port);
      if (await canBind(port, '127.0.0.1')) return port;
    }
    throw new Error(`no free port between ${first} and ${last}`);
  }
}

function canBind(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
