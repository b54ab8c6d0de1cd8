import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { freePort, installed, processTree, start, stop, untilOpen } from '../processes.ts';
import type { Candidate, Context, RunningCandidate } from '../scenario.ts';
import { nginxConfig } from '../upstream.ts';

const version = (): string => /nginx\/(\S+)/.exec(spawnSync('nginx', ['-v'], { encoding: 'utf8' }).stderr)?.[1] ?? '?';
const absent = () => (installed('nginx') ? undefined : 'install the Debian package nginx-light');

const proxied = (upstream: string) =>
  `proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; proxy_pass ${upstream};`;

async function run(context: Context, name: string, port: number, http: string) {
  const file = path.join(context.folder, `${name}.conf`);
  fs.writeFileSync(file, nginxConfig(context.folder, name, http));
  const process = start(context.core, 'nginx', ['-c', file, '-e', '/dev/null']);
  await untilOpen(port, process, name);
  return process;
}

/** HTTP/1 in, HTTP/1 out. */
export const nginxGateway: Candidate = {
  name: 'nginx',
  absent,
  async start(context): Promise<RunningCandidate> {
    const port = await freePort();
    const process = await run(
      context,
      'nginx-gateway',
      port,
      `upstream app { server 127.0.0.1:${context.upstreamPort}; keepalive 256; keepalive_requests 100000000; }
       server { listen 127.0.0.1:${port}; location / { ${proxied('http://app')} } }`,
    );
    return {
      name: 'nginx',
      version: version(),
      url: `http://127.0.0.1:${port}/`,
      pids: () => processTree(process.pid as number),
      stop: () => stop(process),
    };
  },
};

/** The pair of a mesh hop: plain in, mutual TLS 1.3 between, plain out. */
export const nginxPair: Candidate = {
  name: 'nginx',
  absent,
  async start(context): Promise<RunningCandidate> {
    const { makeMutualTlsFiles } = await import('./certificates.ts');
    const { ca, certificate, key } = await makeMutualTlsFiles(context.folder);
    const [near, far] = [await freePort(), await freePort()];
    const second = await run(
      context,
      'nginx-far',
      far,
      `upstream app { server 127.0.0.1:${context.upstreamPort}; keepalive 256; keepalive_requests 100000000; }
       server { listen 127.0.0.1:${far} ssl; ssl_protocols TLSv1.3; ssl_certificate ${certificate}; ssl_certificate_key ${key};
         ssl_client_certificate ${ca}; ssl_verify_client on; location / { ${proxied('http://app')} } }`,
    );
    const first = await run(
      context,
      'nginx-near',
      near,
      `upstream far { server 127.0.0.1:${far}; keepalive 256; keepalive_requests 100000000; }
       server { listen 127.0.0.1:${near}; location / { ${proxied('https://far')} proxy_ssl_protocols TLSv1.3; proxy_ssl_name app.bench;
         proxy_ssl_server_name on; proxy_ssl_certificate ${certificate}; proxy_ssl_certificate_key ${key};
         proxy_ssl_trusted_certificate ${ca}; proxy_ssl_verify on; } }`,
    );
    return {
      name: 'nginx',
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
