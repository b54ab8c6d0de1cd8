import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { Outcome, Scenario } from './scenario.ts';
import { scenarios } from './scenarios.ts';

const help = `Usage: npm run chaos -- [id ...] [flags]

Tries promises of the proxy against a real process under faults and attacks, and prints each figure
beside what is wanted. Everything happens on loopback or in network namespaces made for it.

  --list     the promises, one a line
  --short    a form of a minute at most for each
  -h, --help this text

Examples:
  npm run chaos -- P-07
  npm run chaos -- --short
Exit code: 0 when every figure holds, 1 when one does not, 64 for wrong usage.
`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      list: { type: 'boolean', default: false },
      short: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  if (values.list) {
    for (const { id, title } of scenarios) process.stdout.write(`${id.padEnd(6)} ${title}\n`);
    return 0;
  }
  const unknown = positionals.filter((id) => !scenarios.some((scenario) => scenario.id === id));
  if (unknown.length > 0) {
    process.stderr.write(`unknown: ${unknown.join(', ')}; --list tells what there is\n`);
    return 64;
  }
  const chosen = scenarios.filter(({ id }) => positionals.length === 0 || positionals.includes(id));
  const count = { passed: 0, failed: 0, skipped: 0 };
  for (const scenario of chosen) count[await runOne(scenario, values.short)]++;
  process.stdout.write(`\n${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped\n`);
  return count.failed > 0 ? 1 : 0;
}

async function runOne(scenario: Scenario, short: boolean): Promise<'passed' | 'failed' | 'skipped'> {
  process.stdout.write(`\n${scenario.id}  ${scenario.title}\n`);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'heddle-chaos-'));
  const begun = performance.now();
  let outcome: Outcome;
  try {
    outcome = await scenario.run({ short, folder, progress: (text) => process.stderr.write(`  … ${text}\n`) });
  } catch (error) {
    process.stdout.write(`  could not be run: ${error instanceof Error ? (error.stack ?? error.message) : error}\n`);
    return 'failed';
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
  const seconds = ((performance.now() - begun) / 1000).toFixed(0);
  if (outcome.kind === 'skipped') {
    process.stdout.write(`  skipped: ${outcome.reason}\n`);
    return 'skipped';
  }
  const width = Math.max(...outcome.figures.map(({ name }) => name.length));
  for (const { name, value, wanted, holds } of outcome.figures) {
    const verdict = wanted === '-' ? '    ' : holds ? 'ok  ' : 'MISS';
    process.stdout.write(`  ${verdict} ${name.padEnd(width)}  ${value}${wanted === '-' ? '' : `  (${wanted})`}\n`);
  }
  const passed = outcome.figures.every(({ holds }) => holds);
  process.stdout.write(`  ${passed ? 'holds' : 'does not hold'}, ${seconds} s\n`);
  return passed ? 'passed' : 'failed';
}

process.exitCode = await main();
