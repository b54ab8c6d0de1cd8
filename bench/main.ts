import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { measure, type ScenarioResult } from './measure.ts';
import { installed, stop } from './processes.ts';
import { renderJson, renderText } from './report.ts';
import { gateway } from './scenarios/gateway.ts';
import { hop } from './scenarios/hop.ts';
import { startUpstream } from './upstream.ts';

const scenarios = { gateway, hop };

const help = `Usage: npm run bench -- [scenario ...] [flags]

Compares the CPU time of each request with real peers, in one run, alternating.
Scenarios: ${Object.keys(scenarios).join(', ')} (default: all)

  --rounds N         rounds for each candidate (default 5)
  --seconds N        seconds of load in each round (default 4)
  --connections N    keep-alive connections (default 64)
  --short            2 rounds of 2 seconds
  --json FILE        writes the same for machines

Needs wrk and nginx; HAProxy is compared when present (Debian: apt-get install nginx-light haproxy wrk).
`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '4' },
      connections: { type: 'string', default: '64' },
      short: { type: 'boolean', default: false },
      json: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const names = positionals.length > 0 ? positionals : Object.keys(scenarios);
  const unknown = names.filter((name) => !Object.hasOwn(scenarios, name));
  if (unknown.length > 0) {
    process.stderr.write(`unknown scenario: ${unknown.join(', ')}; there are ${Object.keys(scenarios).join(', ')}\n`);
    return 64;
  }
  for (const program of ['wrk', 'nginx', 'taskset']) {
    if (installed(program)) continue;
    process.stdout.write(
      `${program} is absent: nothing measured. Debian: apt-get install nginx-light wrk util-linux\n`,
    );
    return 0;
  }

  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'heddle-bench-'));
  const cores = os.cpus().length;
  const loadCore = cores - 1;
  const upstream = await startUpstream(folder, loadCore);
  const results: ScenarioResult[] = [];
  try {
    for (const name of names as (keyof typeof scenarios)[]) {
      const context = { upstreamPort: upstream.port, folder, core: 0 };
      results.push(
        await measure(scenarios[name], context, {
          rounds: values.short ? 2 : Number(values.rounds),
          seconds: values.short ? 2 : Number(values.seconds),
          connections: Number(values.connections),
          loadCore,
          progress: (text) => process.stderr.write(`${text}\n`),
        }),
      );
    }
  } finally {
    await stop(upstream.process);
    fs.rmSync(folder, { recursive: true, force: true });
  }
  process.stdout.write(renderText(results));
  if (values.json !== undefined) fs.writeFileSync(values.json, renderJson(results));
  return 0;
}

process.exitCode = await main();
