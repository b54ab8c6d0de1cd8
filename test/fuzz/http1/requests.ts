import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { checkRequestBytes } from './check-request.ts';
import { corpus } from './corpus.ts';
import { seeded } from './cuts.ts';
import { mutate } from './mutate.ts';

// Mutates requests and checks what must hold of any bytes at all: node test/fuzz/http1/requests.ts --seconds 10 [--seed 1]
// An input that breaks something is kept in crashes/ and replayed by the tests from then on.

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '10' }, seed: { type: 'string' } } });
const seed = values.seed === undefined ? process.pid : Number(values.seed);
const until = performance.now() + Number(values.seconds) * 1_000;
const crashes = path.join(import.meta.dirname, 'crashes');
const random = seeded(seed);
let runs = 0;
let failures = 0;

while (performance.now() < until && failures < 10) {
  const input = mutate(corpus, random);
  runs++;
  try {
    checkRequestBytes(input, random);
  } catch (error) {
    failures++;
    fs.mkdirSync(crashes, { recursive: true });
    const file = path.join(crashes, `seed-${seed}-run-${runs}.bin`);
    fs.writeFileSync(file, input);
    console.error(`${file}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
}
console.log(`${runs} inputs, ${failures} failures, seed ${seed}`);
process.exitCode = failures === 0 ? 0 : 1;
