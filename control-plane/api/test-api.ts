import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { FakeClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import type { ApiError, ProxyStatus } from '../../proto/api/v1.ts';
import { Registry } from '../registry/registry.ts';
import { makeTestDirectory, openTestState, type TestState } from '../store/test-state.ts';
import { openTelemetry } from '../telemetry/telemetry.ts';
import { type ApiServer, startApiServer } from './api-server.ts';

/** One answer, read whole. */
export interface TestAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
}

/** The API on a free port with a store, registry and telemetry of its own; the proxies are data. */
export class TestApi {
  readonly state: TestState;
  readonly clock = new FakeClock();
  readonly uiDirectory = makeTestDirectory();
  proxies: ProxyStatus[] = [];
  #server: ApiServer | undefined;
  #closers: (() => void)[] = [];

  constructor() {
    this.state = openTestState(this.clock);
  }

  get port(): number {
    return this.#server?.port ?? 0;
  }

  async start(): Promise<void> {
    const { store, tokens, directory, clock } = this.state;
    const registry = new Registry({
      store,
      health: { isHealthy: () => true, subscribe: () => () => {} },
      trustDomain: 'cluster.local',
      clock,
    });
    const telemetry = openTelemetry({ stateDir: directory, retentionHours: 1, clock, log: silentLog });
    this.#closers = [() => telemetry.close(), () => registry.close()];
    this.#server = await startApiServer({
      parts: {
        store,
        tokens,
        registry,
        telemetry,
        proxies: {
          proxies: () => this.proxies,
          proxyConfig: (id, type) => (id === 'cart-1.shop' ? { id, type, resources: [] } : undefined),
          trustBundlePem: 'PEM',
        },
        configProblems: () => [],
        ports: () => ({ xds: 15_012, webhook: 0 }),
        xdsHost: '127.0.0.1',
        version: '0.0.0',
        startedAt: '2026-01-01T00:00:00.000Z',
        clock: this.clock,
      },
      address: '127.0.0.1',
      port: 0,
      uiDirectory: this.uiDirectory,
      log: silentLog,
    });
  }

  /** Puts a file of the console in place; before the start. */
  addConsoleFile(name: string, text: string): void {
    const file = path.join(this.uiDirectory, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
  }

  /** Sends exactly these headers beside `host`; the path goes out as it is. */
  request(method: string, target: string, headers: Record<string, string> = {}, body = ''): Promise<TestAnswer> {
    return new Promise((resolve, reject) => {
      const request = http.request(
        { host: '127.0.0.1', port: this.port, method, path: target, headers, agent: false },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString();
            resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
          });
        },
      );
      request.on('error', reject);
      request.end(body);
    });
  }

  async get<T>(target: string): Promise<T> {
    return JSON.parse((await this.request('GET', target)).text) as T;
  }

  /** A well-formed change. */
  async post<T = ApiError>(
    target: string,
    body: unknown,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; body: T }> {
    const sent = { 'content-type': 'application/json', 'x-heddle-client': 'test', ...headers };
    const { status, text } = await this.request('POST', target, sent, JSON.stringify(body));
    return { status, body: JSON.parse(text) as T };
  }

  async close(): Promise<void> {
    await this.#server?.close();
    for (const close of this.#closers) close();
    this.state.dispose();
    fs.rmSync(this.uiDirectory, { recursive: true });
  }
}
