import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { seededRandom } from '../../lib/random.ts';
import { openState } from './open-state.ts';
import { makeTestDirectory } from './test-state.ts';

const writer = `
  import fs from 'node:fs';
  import { openState } from ${JSON.stringify(path.join(import.meta.dirname, 'open-state.ts'))};
  const { store, tokens } = openState(process.argv[1], { now: () => 0, wallTime: () => 0 });
  for (let i = Number(process.argv[2]); ; i++) {
    const object = (name) => ({ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'n' }, spec: { i } });
    store.transaction(() => { store.put(object('a'), 'api'); store.put(object('b' + (i % 50)), 'api'); });
    const { token } = tokens.create({ namespace: 'n', serviceAccount: 's', ttlSeconds: 60 });
    if (tokens.redeem(token) === undefined) throw new Error('token');
    fs.writeSync(1, i + ' ' + token + '\\n');
  }
`;

/** Lets a process write until it has acknowledged some versions, kills it, and returns what it acknowledged. */
async function writeAndKill(
  directory: string,
  from: number,
  killAfter: number,
): Promise<{ last: number; token: string }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', writer, directory, String(from)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    if (output.split('\n').length > killAfter) child.kill('SIGKILL');
  });
  await new Promise((resolve) => child.once('close', resolve));
  const [number = '', token = ''] = output.split('\n').at(-2)?.split(' ') ?? [];
  return { last: Number(number), token };
}

test('P-40: of 20 kills at random moments none loses an acknowledged write or leaves half of one', async () => {
  const directory = makeTestDirectory();
  const random = seededRandom(7);
  let next = 1;
  for (let round = 0; round < 20; round++) {
    const { last, token } = await writeAndKill(directory, next, 1 + Math.floor(random() * 40));
    expect(last).toBeGreaterThanOrEqual(next);
    const { store, tokens } = openState(directory, new FakeClock(0));
    const written = (store.get('Service', 'n', 'a')!.resource.spec as { i: number }).i;
    // One more may have been committed than was acknowledged; both objects of the transaction or neither.
    expect(written).toBeGreaterThanOrEqual(last);
    expect(written).toBeLessThanOrEqual(last + 1);
    expect(store.get('Service', 'n', `b${written % 50}`)?.resource.spec).toEqual({ i: written });
    expect(tokens.redeem(token)).toBeUndefined();
    store.close();
    next = written + 1;
  }
  fs.rmSync(directory, { recursive: true });
}, 60_000);
