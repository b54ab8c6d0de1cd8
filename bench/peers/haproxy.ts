import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { freePort, installed } from '../processes.ts';
import type { Candidate, Context } from '../scenario.ts';
import { makeMutualTlsFiles } from './certificates.ts';
import { candidateOf, type Peer, type PeerProcess } from './peer.ts';
import { routeCount, type Shape, upstreamPort } from './shape.ts';

const common = (mode: 'http' | 'tcp'): string => `global
  nbthread 1
  maxconn 8192
  ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256
  ssl-default-server-ciphersuites TLS_AES_128_GCM_SHA256
  ssl-default-bind-options ssl-min-ver TLSv1.3 no-tls-tickets
  ssl-default-server-options ssl-min-ver TLSv1.3
defaults
  mode ${mode}
  timeout connect 5s
  timeout client 300s
  timeout server 300s
  timeout tunnel 300s
${mode === 'http' ? '  option http-keep-alive\n  http-reuse always\n' : ''}`;

export const haproxyPeer: Peer = {
  name: 'haproxy',
  version: () => /version (\S+)/.exec(spawnSync('haproxy', ['-v'], { encoding: 'utf8' }).stdout)?.[1] ?? '?',
  absent: () => (installed('haproxy') ? undefined : 'install the Debian package haproxy'),
  processes: processesOf,
};

/** HAProxy in the given shape. */
export const haproxy = (shape: Shape): Candidate => candidateOf(haproxyPeer, shape);

async function processesOf(shape: Shape, context: Context): Promise<PeerProcess[]> {
  const app = `127.0.0.1:${await upstreamPort(shape, context)}`;
  const port = await freePort();
  if (shape !== 'pair' && shape !== 'far') {
    const mode = shape === 'tcp' ? 'tcp' : 'http';
    return [write(context, `haproxy-${shape}`, port, common(mode) + plain(shape, port, app))];
  }
  const { ca, bundle } = await makeMutualTlsFiles(context.folder);
  const tlsIn = `ssl crt ${bundle} ca-file ${ca} verify required curves X25519`;
  const tlsOut = `ssl crt ${bundle} ca-file ${ca} verify required no-ssl-reuse sni str(app.bench) verifyhost app.bench`;
  const second = write(context, 'haproxy-far', port, common('http') + section(`127.0.0.1:${port} ${tlsIn}`, app));
  if (shape === 'far') return [second];
  const nearPort = await freePort();
  const near = section(`127.0.0.1:${nearPort}`, `127.0.0.1:${port} ${tlsOut}`);
  return [second, write(context, 'haproxy-near', nearPort, common('http') + near)];
}

function write(context: Context, name: string, port: number, text: string): PeerProcess {
  const file = path.join(context.folder, `${name}.cfg`);
  fs.writeFileSync(file, text);
  return { command: 'haproxy', args: ['-f', file, '-db'], port };
}

const section = (bind: string, server: string): string =>
  `frontend in\n  bind ${bind}\n  default_backend app\nbackend app\n  server one ${server}\n`;

function plain(shape: Shape, port: number, app: string): string {
  const bind = `127.0.0.1:${port}`;
  if (shape === 'h2') return section(`${bind} proto h2`, app);
  if (shape === 'grpc-unary' || shape === 'grpc-stream') return section(`${bind} proto h2`, `${app} proto h2`);
  if (shape !== 'routes') return section(bind, app);
  const numbers = Array.from({ length: routeCount }, (_, index) => index);
  return [
    `frontend in\n  bind ${bind}`,
    ...numbers.map((n) => `  use_backend app${n} if { path_beg /route/${n}/ }`),
    ...numbers.map((n) => `backend app${n}\n  server one ${app}`),
    '',
  ].join('\n');
}
