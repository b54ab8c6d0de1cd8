import fs from 'node:fs';
import path from 'node:path';
import { test } from 'vitest';
import { seeded } from '../../test/fuzz/http1/cuts.ts';
import { checkHttp2Bytes } from '../../test/fuzz/http2/check.ts';
import { generate } from '../../test/fuzz/http2/generate.ts';

/** `FUZZ_ROUNDS` and `FUZZ_SEED` are for longer runs. */
const rounds = Number(process.env.FUZZ_ROUNDS ?? 400);
const seed = Number(process.env.FUZZ_SEED ?? 1);

/** Keeps what failed, so that it is tried again for ever. */
function check(name: string, input: Buffer, toServer: boolean, random: () => number): void {
  try {
    checkHttp2Bytes(input, toServer, random);
  } catch (error) {
    throw new Error(`${name}: ${input.toString('base64')}`, { cause: error });
  }
}

for (const side of ['server', 'client'] as const) {
  test(`made-up frames never break a ${side}, and every cut of them has the same outcome`, { timeout: 600_000 }, () => {
    for (let round = 0; round < rounds; round++) {
      const random = seeded(seed * 1_000_000 + round);
      check(`seed ${seed} round ${round}`, generate(random, side === 'server'), side === 'server', random);
    }
  });
}

test('inputs that once broke something do so no more', () => {
  const folder = path.join(import.meta.dirname, '../../test/fuzz/http2/crashes');
  for (const name of fs.readdirSync(folder)) {
    if (name === 'README.md') continue;
    const input = Buffer.from(fs.readFileSync(path.join(folder, name), 'latin1'), 'base64');
    for (let round = 0; round < 8; round++) check(name, input, name.startsWith('server'), seeded(round));
  }
});
