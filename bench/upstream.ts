import type { ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { freePort, start, untilOpen } from './processes.ts';

/** nginx answering everything with the same 170 bytes: the cheapest real upstream there is. */
export async function startUpstream(folder: string, core: number): Promise<{ port: number; process: ChildProcess }> {
  const port = await freePort();
  const file = path.join(folder, 'upstream.conf');
  fs.writeFileSync(
    file,
    nginxConfig(
      folder,
      'upstream',
      `server { listen 127.0.0.1:${port} backlog=4096; location / { return 200 "${'x'.repeat(170)}"; } }`,
    ),
  );
  const process = start(core, 'nginx', ['-c', file, '-e', '/dev/null']);
  await untilOpen(port, process, 'the upstream nginx');
  return { port, process };
}

/** One worker, keep-alive everywhere, no access log: the settings all candidates share. */
export function nginxConfig(folder: string, name: string, http: string): string {
  return `daemon off;
worker_processes 1;
pid ${folder}/${name}.pid;
error_log /dev/null crit;
events { worker_connections 4096; }
http {
  access_log off;
  keepalive_requests 100000000;
  keepalive_timeout 300s;
  client_body_temp_path ${folder}/${name}-body; proxy_temp_path ${folder}/${name}-proxy;
  fastcgi_temp_path ${folder}/${name}-f; uwsgi_temp_path ${folder}/${name}-u; scgi_temp_path ${folder}/${name}-s;
  ${http}
}
`;
}
