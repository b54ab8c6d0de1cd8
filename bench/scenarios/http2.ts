import fs from 'node:fs';
import path from 'node:path';
import { h2load } from '../load/h2load.ts';
import { runOwnGenerator } from '../load/load-result.ts';
import { envoy } from '../peers/envoy.ts';
import { haproxy } from '../peers/haproxy.ts';
import { heddle } from '../peers/heddle.ts';
import { nginx } from '../peers/nginx.ts';
import type { Scenario } from '../scenario.ts';

const streamClient = path.join(import.meta.dirname, '../load/grpc-stream-client.ts');

export const http2Downstream: Scenario = {
  name: 'http2',
  description: 'HTTP/2 in (prior knowledge), 8 connections of 8 streams, HTTP/1 out, 170-byte body',
  unit: 'request',
  reference: 'nginx',
  expected: [],
  candidates: [nginx('h2'), haproxy('h2'), envoy('h2'), heddle('h2')],
  load: ({ port }, { core, seconds }) => h2load(port, core, seconds, { connections: 8, streams: 8 }),
};

export const grpcUnary: Scenario = {
  name: 'grpc-unary',
  description: 'gRPC unary calls, HTTP/2 in and out, 8 connections of 8 streams, message of 128 bytes',
  unit: 'request',
  reference: 'nginx',
  expected: [],
  candidates: [nginx('grpc-unary'), haproxy('grpc-unary'), envoy('grpc-unary'), heddle('grpc-unary')],
  load: ({ port }, { core, seconds, folder }) => {
    const data = path.join(folder, 'grpc-request');
    // Not compressed, length, bytes.
    fs.writeFileSync(data, Buffer.concat([Buffer.from([0, 0, 0, 0, 128]), Buffer.alloc(128, 'x')]));
    return h2load(port, core, seconds, {
      connections: 8,
      streams: 8,
      headers: ['content-type: application/grpc', 'te: trailers'],
      data,
      path: '/bench.Echo/Unary',
    });
  },
};

export const grpcStream: Scenario = {
  name: 'grpc-stream',
  description: 'gRPC, 16 bidirectional streams on one connection with 8 messages of 128 bytes under way on each',
  unit: 'message',
  reference: 'nginx',
  expected: [],
  candidates: [nginx('grpc-stream'), haproxy('grpc-stream'), envoy('grpc-stream'), heddle('grpc-stream')],
  load: ({ port }, { core, seconds }) => runOwnGenerator(core, streamClient, [String(port), String(seconds), '16']),
};
