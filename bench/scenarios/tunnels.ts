import path from 'node:path';
import { runOwnGenerator } from '../load/load-result.ts';
import { wrk } from '../load/wrk.ts';
import { envoy } from '../peers/envoy.ts';
import { haproxy } from '../peers/haproxy.ts';
import { heddle } from '../peers/heddle.ts';
import { nginx } from '../peers/nginx.ts';
import type { Scenario } from '../scenario.ts';

const websocketClient = path.join(import.meta.dirname, '../load/websocket-client.ts');

export const websocket: Scenario = {
  name: 'websocket',
  description: 'WebSocket over HTTP/1, 64 connections, each with one message of 125 bytes under way and echoed',
  unit: 'message',
  reference: 'nginx',
  expected: [],
  candidates: [nginx('websocket'), haproxy('websocket'), envoy('websocket'), heddle('websocket')],
  load: ({ port }, { core, seconds }) => runOwnGenerator(core, websocketClient, [String(port), String(seconds), '64']),
};

export const tcp: Scenario = {
  name: 'tcp',
  description: 'TCP relay, 8 connections that download 4 MiB at a time',
  unit: 'MiB',
  reference: 'nginx',
  expected: [],
  candidates: [nginx('tcp'), haproxy('tcp'), envoy('tcp'), heddle('tcp')],
  load: ({ port }, { core, seconds }) =>
    wrk(port, core, seconds, { connections: 8, path: '/4m', bodyBytes: 4_194_304 }),
};
