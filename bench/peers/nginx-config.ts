import fs from 'node:fs';

const stream = '/usr/lib/nginx/modules/ngx_stream_module.so';

/** One worker, keep-alive everywhere, no access log: the settings all candidates share. */
export function nginxConfig(folder: string, name: string, http: string, rest = ''): string {
  // A worker of root's would be another user, who cannot read the scratch folder.
  return `daemon off;
${process.getuid?.() === 0 ? 'user root;' : ''}
${rest !== '' && fs.existsSync(stream) ? `load_module ${stream};` : ''}
worker_processes 1;
pid ${folder}/${name}.pid;
error_log /dev/null crit;
events { worker_connections 8192; }
http {
  access_log off;
  keepalive_requests 100000000;
  keepalive_timeout 300s;
  client_body_temp_path ${folder}/${name}-body; proxy_temp_path ${folder}/${name}-proxy;
  fastcgi_temp_path ${folder}/${name}-f; uwsgi_temp_path ${folder}/${name}-u; scgi_temp_path ${folder}/${name}-s;
  ${http}
}
${rest}
`;
}
