import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { seeded } from './http1/cuts.ts';
import { targets } from './targets.ts';

// A short run of every target from a fixed seed, and all that ever failed. Longer: node test/fuzz/main.ts.

const rounds = 150;
const crashes = path.join(import.meta.dirname, 'crashes');

describe.each(targets.map((target) => [target.name, target] as const))('P-05: %s', (name, target) => {
  test('no input breaks a rule', () => {
    for (let round = 0; round < rounds; round++) {
      const random = seeded(9_000_000 + round);
      target.check(target.make(random), random);
    }
  });

  test('inputs that once broke something do so no more', () => {
    const folder = path.join(crashes, name);
    for (const file of fs.existsSync(folder) ? fs.readdirSync(folder) : []) {
      for (let seed = 0; seed < 8; seed++) target.check(fs.readFileSync(path.join(folder, file)), seeded(seed));
    }
  });
});

test('every folder of inputs belongs to a target', () => {
  const names = targets.map(({ name }) => name);
  for (const folder of fs.existsSync(crashes) ? fs.readdirSync(crashes) : []) expect(names).toContain(folder);
});
