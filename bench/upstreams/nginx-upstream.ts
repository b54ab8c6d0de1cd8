import type { ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { nginxConfig } from '../peers/nginx-config.ts';
import { freePort, start, untilOpen } from '../processes.ts';

export interface NginxUpstream {
  /** Answers 170 bytes; `/64k` and `/4m` files of that size; `/upload` when it has read the body. */
  http: number;
  /** HTTP/2 with prior knowledge; answers every gRPC call with one empty message. */
  grpc: number;
  process: ChildProcess;
}

/** The cheapest real upstream there is. */
export async function startNginxUpstream(folder: string, core: number): Promise<NginxUpstream> {
  const [http, grpc] = [await freePort(), await freePort()];
  const files = path.join(folder, 'upstream-files');
  fs.mkdirSync(files, { recursive: true });
  fs.writeFileSync(path.join(files, '64k'), Buffer.alloc(65_536, 'x'));
  fs.writeFileSync(path.join(files, '4m'), Buffer.alloc(4_194_304, 'x'));
  // One gRPC message: not compressed, of no bytes.
  fs.writeFileSync(path.join(files, 'message'), Buffer.alloc(5));
  const inner = `unix:${folder}/upstream.sock`;
  const file = path.join(folder, 'upstream.conf');
  fs.writeFileSync(
    file,
    nginxConfig(
      folder,
      'upstream',
      `root ${files}; default_type application/octet-stream; sendfile on; client_max_body_size 0;
       server {
         listen 127.0.0.1:${http} backlog=4096;
         location = / { return 200 "${'x'.repeat(170)}"; }
         location /64k {} location /4m {}
         location /route { return 200 "${'x'.repeat(170)}"; }
         # The answer comes from inside and without the body, which is read whole before.
         location /upload { client_body_buffer_size 5m; proxy_pass http://${inner}:/; proxy_pass_request_body off; proxy_set_header Content-Length ""; }
       }
       server { listen ${inner}; location / { return 200 "done"; } }
       server {
         listen 127.0.0.1:${grpc} http2 backlog=4096; http2_max_concurrent_streams 1000;
         location / { error_page 405 =200 /message; return 405; }
         location = /message { types {} default_type application/grpc; add_trailer grpc-status 0; }
       }`,
    ),
  );
  const process = start(core, 'nginx', ['-c', file, '-e', '/dev/null']);
  await untilOpen(http, process, 'the upstream nginx');
  return { http, grpc, process };
}
