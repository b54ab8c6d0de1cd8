import type { ChildProcess } from 'node:child_process';
import { processTree, start, stop, untilOpen } from '../processes.ts';
import type { Candidate, Context, RunningCandidate } from '../scenario.ts';
import type { Shape } from './shape.ts';

/** A program that is configured by files. */
export interface Peer {
  name: string;
  version(): string;
  /** Why it cannot run here, or undefined. */
  absent(): string | undefined;
  /** Writes the configuration of a shape; the load goes to the last process. */
  processes(shape: Shape, context: Context): Promise<PeerProcess[]>;
}

export interface PeerProcess {
  command: string;
  args: readonly string[];
  /** Opens when it is ready. */
  port: number;
}

/** A peer in one shape. `name` tells two of the same peer apart. */
export const candidateOf = (peer: Peer, shape: Shape, name = peer.name): Candidate => ({
  name,
  absent: peer.absent,
  start: async (context) => startAll(name, peer.version(), context.core, await peer.processes(shape, context)),
});

async function startAll(
  name: string,
  version: string,
  core: number,
  processes: readonly PeerProcess[],
): Promise<RunningCandidate> {
  const children: ChildProcess[] = [];
  const stopAll = async () => {
    for (const child of children.reverse()) await stop(child);
  };
  let port = 0;
  try {
    for (const process of processes) {
      const child = start(core, process.command, process.args);
      children.push(child);
      await untilOpen(process.port, child, name);
      port = process.port;
    }
  } catch (error) {
    await stopAll();
    throw error;
  }
  return {
    name,
    version,
    port,
    pids: () => children.flatMap(({ pid }) => (pid === undefined ? [] : processTree(pid))),
    stop: stopAll,
  };
}
