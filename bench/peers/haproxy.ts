import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { freePort, installed, processTree, start, stop, untilOpen } from '../processes.ts';
import type { Candidate, RunningCandidate } from '../scenario.ts';

const version = (): string =>
  /version (\S+)/.exec(spawnSync('haproxy', ['-v'], { encoding: 'utf8' }).stdout)?.[1] ?? '?';
const absent = () => (installed('haproxy') ? undefined : 'install the Debian package haproxy');

const common = `global
  nbthread 1
  maxconn 8192
defaults
  mode http
  timeout connect 5s
  timeout client 300s
  timeout server 300s
  option http-keep-alive
  http-reuse always
`;

/** HTTP/1 in, HTTP/1 out. */
export const haproxyGateway: Candidate = {
  name: 'haproxy',
  absent,
  async start(context): Promise<RunningCandidate> {
    const port = await freePort();
    const file = path.join(context.folder, 'haproxy-gateway.cfg');
    fs.writeFileSync(
      file,
      `${common}frontend in\n  bind 127.0.0.1:${port}\n  default_backend app\nbackend app\n  server one 127.0.0.1:${context.upstreamPort}\n`,
    );
    const process = start(context.core, 'haproxy', ['-f', file, '-db']);
    await untilOpen(port, process, 'haproxy');
    return {
      name: 'haproxy',
      version: version(),
      url: `http://127.0.0.1:${port}/`,
      pids: () => processTree(process.pid as number),
      stop: () => stop(process),
    };
  },
};

/** The pair of a mesh hop. */
export const haproxyPair: Candidate = {
  name: 'haproxy',
  absent,
  async start(context): Promise<RunningCandidate> {
    const { makeMutualTlsFiles } = await import('./certificates.ts');
    const { ca, bundle } = await makeMutualTlsFiles(context.folder);
    const [near, far] = [await freePort(), await freePort()];
    const files = {
      far: path.join(context.folder, 'haproxy-far.cfg'),
      near: path.join(context.folder, 'haproxy-near.cfg'),
    };
    fs.writeFileSync(
      files.far,
      `${common}frontend in\n  bind 127.0.0.1:${far} ssl crt ${bundle} ca-file ${ca} verify required ssl-min-ver TLSv1.3\n  default_backend app\nbackend app\n  server one 127.0.0.1:${context.upstreamPort}\n`,
    );
    fs.writeFileSync(
      files.near,
      `${common}frontend in\n  bind 127.0.0.1:${near}\n  default_backend far\nbackend far\n  server one 127.0.0.1:${far} ssl crt ${bundle} ca-file ${ca} verify required ssl-min-ver TLSv1.3 sni str(app.bench) verifyhost app.bench\n`,
    );
    const second = start(context.core, 'haproxy', ['-f', files.far, '-db']);
    await untilOpen(far, second, 'haproxy (far)');
    const first = start(context.core, 'haproxy', ['-f', files.near, '-db']);
    await untilOpen(near, first, 'haproxy (near)');
    return {
      name: 'haproxy',
      version: version(),
      url: `http://127.0.0.1:${near}/`,
      pids: () => [first, second].flatMap(({ pid }) => processTree(pid as number)),
      stop: async () => {
        await stop(first);
        await stop(second);
      },
    };
  },
};
