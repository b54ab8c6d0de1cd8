import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { seeded } from './http1/cuts.ts';
import type { FuzzTarget } from './target.ts';
import { targets } from './targets.ts';

const usage = `node test/fuzz/main.ts [target…] [--seconds N] [--seed N]

Feeds made-up and damaged inputs to the readers of the data plane: ${targets.map(({ name }) => name).join(', ')}.
What breaks a rule is kept in test/fuzz/crashes/<target>, where npm test tries it for ever. Default: all, 10 seconds
each, a seed that is printed.
`;

/** Inputs that failed before one target is given up on. */
const maxFailures = 5;

/** Keeps an input that failed. */
function keep(target: FuzzTarget, input: Buffer): string {
  const folder = path.join(import.meta.dirname, 'crashes', target.name);
  fs.mkdirSync(folder, { recursive: true });
  const file = path.join(folder, `${createHash('sha256').update(input).digest('hex').slice(0, 12)}.bin`);
  fs.writeFileSync(file, input);
  return path.relative(process.cwd(), file);
}

function fuzz(target: FuzzTarget, seconds: number, seed: number): number {
  const end = performance.now() + seconds * 1_000;
  let failures = 0;
  let round = 0;
  while (performance.now() < end && failures < maxFailures) {
    const random = seeded(seed * 1_000_003 + round++);
    const input = target.make(random);
    try {
      target.check(input, random);
    } catch (error) {
      failures++;
      console.log(`${target.name}: ${keep(target, input)}\n${(error as Error).stack}`);
    }
  }
  console.log(`${target.name}: ${round} inputs in ${seconds} s from seed ${seed}, ${failures} failed`);
  return failures;
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: 'string', default: '10' }, seed: { type: 'string' }, help: { type: 'boolean' } },
});
const chosen = targets.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
if (values.help === true || chosen.length < positionals.length) {
  process.stdout.write(usage);
  process.exitCode = values.help === true ? 0 : 2;
} else {
  const seed = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed);
  let failures = 0;
  for (const target of chosen) failures += fuzz(target, Number(values.seconds), seed);
  process.exitCode = failures > 0 ? 1 : 0;
}
