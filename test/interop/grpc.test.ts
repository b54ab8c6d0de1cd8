import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../../bench/processes.ts';
import { type ProxyProcess, TestMesh } from '../harness/mesh.ts';
import { goProgram } from '../harness/peers.ts';
import { until } from '../harness/process.ts';

// grpc-go's interoperability suite: its client and its server, with two sidecars and mutual TLS between them.

const server = goProgram('grpc-interop-server', 'google.golang.org/grpc/interop/server@latest');
const client = goProgram('grpc-interop-client', 'google.golang.org/grpc/interop/client@latest');
const absent = server.absent ?? client.absent;

/** All cases that need no credentials of Google's and no server of theirs. */
const cases = [
  'empty_unary',
  'large_unary',
  'client_streaming',
  'server_streaming',
  'ping_pong',
  'empty_stream',
  'timeout_on_sleeping_server',
  'cancel_after_begin',
  'cancel_after_first_response',
  'status_code_and_message',
  'special_status_message',
  'custom_metadata',
  'unimplemented_method',
  'unimplemented_service',
] as const;

let mesh: TestMesh;
let caller: ProxyProcess;

beforeAll(async () => {
  if (absent !== undefined) return;
  mesh = await TestMesh.start();
  const port = await freePort();
  mesh.program('grpc server', server.path as string, ['--port', String(port)]);
  await mesh.sidecar('interop', { service: 'interop', port, protocol: 'grpc', servicePort: 9000 });
  caller = await mesh.sidecar('caller', { upstreams: ['interop:9000'] });
  await until(() => run('empty_unary').status === 0, 'the gRPC server behind the sidecars', 20_000);
}, 60_000);

afterAll(async () => {
  await mesh?.close();
});

function run(testCase: string): { status: number | null; stderr: string } {
  const port = mesh.upstream(caller, 'interop:9000');
  return spawnSync(
    client.path as string,
    ['--server_host', '127.0.0.1', '--server_port', String(port), '--test_case', testCase],
    { encoding: 'utf8', timeout: 30_000 },
  );
}

describe.skipIf(absent !== undefined)(
  `grpc-go through two sidecars${absent === undefined ? '' : ` (${absent})`}`,
  () => {
    for (const testCase of cases) {
      test(testCase, () => {
        const { status, stderr } = run(testCase);
        expect(`${status} ${stderr}`).toBe('0 ');
      });
    }
  },
);
