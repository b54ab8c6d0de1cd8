import fs from 'node:fs';
import path from 'node:path';
import { freePort } from '../processes.ts';
import { candidateOf, type Peer } from './peer.ts';
import { nodePeers } from './peer-cache.ts';

const program = path.join(import.meta.dirname, 'node-proxy-program.ts');
const manifest = (name: string) => path.join(nodePeers, 'node_modules', name, 'package.json');

/** A reverse proxy from npm: HTTP/1 in, HTTP/1 out, keep-alive on both sides. */
const nodeProxy = (name: 'http-proxy' | 'fast-proxy'): Peer => ({
  name,
  version: () => (JSON.parse(fs.readFileSync(manifest(name), 'utf8')) as { version: string }).version,
  absent: () => (fs.existsSync(manifest(name)) ? undefined : `the npm package ${name} could not be installed`),
  async processes(_, context) {
    const port = await freePort();
    const args = [program, name, String(port), String(await context.upstreams.http())];
    return [{ command: process.execPath, args, port }];
  },
});

export const httpProxy = candidateOf(nodeProxy('http-proxy'), 'gateway');
export const fastProxy = candidateOf(nodeProxy('fast-proxy'), 'gateway');
