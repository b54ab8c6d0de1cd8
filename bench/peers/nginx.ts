import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { freePort, installed } from '../processes.ts';
import type { Candidate, Context } from '../scenario.ts';
import { type MutualTlsFiles, makeMutualTlsFiles } from './certificates.ts';
import { nginxConfig } from './nginx-config.ts';
import { candidateOf, type Peer, type PeerProcess } from './peer.ts';
import { routeCount, type Shape, upstreamPort } from './shape.ts';

// Bodies stream through memory, as in the others: nothing is written to disk, an upload is not kept until it is whole.
const bodies =
  'client_max_body_size 0; proxy_request_buffering off; proxy_max_temp_file_size 0; proxy_buffer_size 64k; proxy_buffers 8 64k; proxy_busy_buffers_size 128k;';
const keepAlive = 'keepalive 1024; keepalive_requests 100000000;';
const forward = 'proxy_http_version 1.1; proxy_set_header Host $host;';
const reused = `${forward} proxy_set_header Connection "";`;
// The same key exchange and cipher for all candidates.
const suite = 'conf_command Ciphersuites TLS_AES_128_GCM_SHA256;';

export const nginxPeer: Peer = {
  name: 'nginx',
  version: () => /nginx\/(\S+)/.exec(spawnSync('nginx', ['-v'], { encoding: 'utf8' }).stderr)?.[1] ?? '?',
  absent: () => (installed('nginx') ? undefined : 'install the Debian package nginx-light'),
  processes: processesOf,
};

/** nginx in the given shape. */
export const nginx = (shape: Shape, name?: string): Candidate => candidateOf(nginxPeer, shape, name);

async function processesOf(shape: Shape, context: Context): Promise<PeerProcess[]> {
  const upstream = await upstreamPort(shape, context);
  const port = await freePort();
  if (shape === 'tcp') {
    const relay = `stream { server { listen 127.0.0.1:${port} backlog=4096; proxy_buffer_size 64k; proxy_pass 127.0.0.1:${upstream}; } }`;
    return [write(context, 'nginx-tcp', port, '', relay)];
  }
  if (shape !== 'pair' && shape !== 'far') {
    return [write(context, `nginx-${shape}`, port, plain(shape, port, upstream))];
  }
  const files = await makeMutualTlsFiles(context.folder);
  const second = write(context, 'nginx-far', port, far(files, port, upstream));
  if (shape === 'far') return [second];
  const nearPort = await freePort();
  return [second, write(context, 'nginx-near', nearPort, near(files, nearPort, port))];
}

function write(context: Context, name: string, port: number, http: string, rest = ''): PeerProcess {
  const file = path.join(context.folder, `${name}.conf`);
  fs.writeFileSync(file, nginxConfig(context.folder, name, `${bodies}\n${http}`, rest));
  return { command: 'nginx', args: ['-c', file, '-e', '/dev/null'], port };
}

function plain(shape: Shape, port: number, upstream: number): string {
  const pool = (name: string) => `upstream ${name} { server 127.0.0.1:${upstream}; ${keepAlive} }`;
  const server = (listen: string, locations: string) =>
    `server { listen 127.0.0.1:${port} ${listen} backlog=4096; ${locations} }`;
  switch (shape) {
    case 'h2':
      return `${pool('app')} http2_max_concurrent_streams 1000; ${server('http2', `location / { ${reused} proxy_pass http://app; }`)}`;
    case 'grpc-unary':
    case 'grpc-stream':
      return `${pool('app')} http2_max_concurrent_streams 1000; ${server('http2', 'location / { grpc_read_timeout 300s; grpc_pass grpc://app; }')}`;
    case 'websocket':
      return `${pool('app')} ${server('', `location / { ${forward} proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "Upgrade"; proxy_pass http://app; }`)}`;
    case 'routes': {
      const numbers = Array.from({ length: routeCount }, (_, index) => index);
      const locations = numbers.map((n) => `location /route/${n}/ { ${reused} proxy_pass http://app${n}; }`);
      return `${numbers.map((n) => pool(`app${n}`)).join('\n')}\n${server('', locations.join('\n'))}`;
    }
    default:
      return `${pool('app')} ${server('', `location / { ${reused} proxy_pass http://app; }`)}`;
  }
}

const far = ({ ca, certificate, key }: MutualTlsFiles, port: number, upstream: number): string =>
  `upstream app { server 127.0.0.1:${upstream}; ${keepAlive} }
   server { listen 127.0.0.1:${port} ssl backlog=4096; ssl_protocols TLSv1.3; ssl_ecdh_curve X25519; ssl_${suite}
     ssl_session_tickets off; ssl_session_cache off; ssl_certificate ${certificate}; ssl_certificate_key ${key};
     ssl_client_certificate ${ca}; ssl_verify_client on; location / { ${reused} proxy_pass http://app; } }`;

const near = ({ ca, certificate, key }: MutualTlsFiles, port: number, farPort: number): string =>
  `upstream far { server 127.0.0.1:${farPort}; ${keepAlive} }
   server { listen 127.0.0.1:${port} backlog=4096; location / { ${reused} proxy_pass https://far; proxy_ssl_protocols TLSv1.3;
     proxy_ssl_${suite} proxy_ssl_session_reuse off; proxy_ssl_name app.bench; proxy_ssl_server_name on;
     proxy_ssl_certificate ${certificate}; proxy_ssl_certificate_key ${key}; proxy_ssl_trusted_certificate ${ca};
     proxy_ssl_verify on; } }`;
