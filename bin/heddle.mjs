#!/usr/bin/env node
// The way in. Plain JavaScript that any Node understands: it finds a Node able to run the TypeScript sources and
// starts itself again with it when the running one is too old.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import nodeModule from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The oldest Node that runs the sources, and the one they are meant for. */
const oldest = [22, 19];
const meant = [24, 0];

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const running = process.versions.node.split('.').map(Number);
const atLeast = ([major, minor]) => running[0] > major || (running[0] === major && running[1] >= minor);

/** Node named by HEDDLE_NODE, or the one that npm installed beside us. */
function findNode() {
  if (process.env.HEDDLE_NODE) return process.env.HEDDLE_NODE;
  const folder = `node-${process.platform}-${process.arch}`;
  // Our own node_modules, or the one we were installed into.
  return [path.join(root, 'node_modules'), path.resolve(root, '..')]
    .map((modules) => path.join(modules, folder, 'bin', 'node'))
    .find((file) => fs.existsSync(file));
}

/** Runs this file with another Node and ends as that one ends. */
function runWith(node) {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...process.env, HEDDLE_REEXEC: '1' },
  });
  // A terminal sends Ctrl-C to both; the child decides what comes of it.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']) {
    process.on(signal, () => {
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
  }
  child.on('error', (error) => fail(`cannot run ${node}: ${error.message}; set HEDDLE_NODE to a Node 24 binary`));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

function fail(message) {
  process.stderr.write(`heddle: ${message}\n`);
  process.exit(2);
}

const other = process.env.HEDDLE_REEXEC ? undefined : findNode();
const wanted = process.env.HEDDLE_NODE !== undefined && process.env.HEDDLE_NODE !== process.execPath;
if (other !== undefined && (wanted || !atLeast(meant))) {
  runWith(other);
} else if (!atLeast(oldest)) {
  fail(
    `Node ${process.versions.node} is too old, 22.19 or newer is needed: run \`npm ci\` in ${root} (it brings Node 24 on Linux), or set HEDDLE_NODE=/path/to/node`,
  );
} else {
  // Inside node_modules, not in a shared temporary folder where another user could leave code for us to run.
  nodeModule.enableCompileCache(process.env.NODE_COMPILE_CACHE ?? path.join(root, 'node_modules', '.cache', 'heddle'));
  await import('../cli/main.ts');
}
