import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { onTestFinished } from 'vitest';

const program = `
const http = require('node:http');
const server = http.createServer((incoming, outgoing) => outgoing.end('ok'));
server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => process.stdout.write(server.address().port + '\\n'));
`;

/** A real HTTP server in a process of its own that can be stopped dead: the kernel takes a connection or two, then none. */
export interface FrozenServer {
  readonly port: number;
  freeze(): void;
  thaw(): void;
}

export async function startFrozenServer(): Promise<FrozenServer> {
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return {
    port: Number(String(line)),
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
  };
}
