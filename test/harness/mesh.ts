import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { ApplyResponse, ProxyList, TokenResponse, Trace, TraceList } from '../../proto/api/v1.ts';
import { Program, root, until } from './process.ts';

interface ControlPlaneReady {
  ports: { api: number; xds: number; webhook: number };
  trustBundle: string;
}

export interface ProxyReady {
  spiffeId: string;
  ports: {
    admin: number;
    outbound: number;
    inbound: Record<string, number>;
    upstreams: Record<string, number>;
    listeners: Record<string, number>;
  };
}

export interface ProxyProcess {
  program: Program;
  ready: ProxyReady;
}

/**
 * A mesh of real processes on free ports for one test: control plane, sidecars, gateways.
 *
 *     const mesh = await TestMesh.start();
 *     const cart = await mesh.sidecar('cart', { service: 'cart', port: app.port });
 *     const web = await mesh.sidecar('web', { upstreams: ['cart:80'] });
 *     await fetch(`http://127.0.0.1:${mesh.upstream(web, 'cart:80')}/`);
 *     await mesh.close();
 */
export class TestMesh {
  readonly folder: string;
  readonly namespace: string;
  readonly #programs: Program[] = [];
  readonly #prefix: readonly string[];
  readonly #sidecarProgram: string;
  controlPlane!: Program;
  api = '';
  xdsPort = 0;
  trustBundle = '';

  private constructor(namespace: string, prefix: readonly string[], sidecarProgram: string) {
    this.namespace = namespace;
    this.#prefix = prefix;
    this.#sidecarProgram = sidecarProgram;
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'heddle-mesh-'));
  }

  /**
   * `prefix` is put before each command of the mesh, for example `taskset -c 0`; `sidecarProgram` is the file that the
   * proxies run, the sources by default.
   */
  static async start(
    options: {
      namespace?: string;
      flags?: readonly string[];
      prefix?: readonly string[];
      sidecarProgram?: string;
    } = {},
  ): Promise<TestMesh> {
    const { namespace = 'default', prefix = [], sidecarProgram = path.join(root, 'sidecar/main.ts') } = options;
    const mesh = new TestMesh(namespace, prefix, sidecarProgram);
    await mesh.startControlPlane({ flags: options.flags ?? [] });
    return mesh;
  }

  /** Starts the control plane, on the same state and ports when it ran before. */
  async startControlPlane(options: { flags?: readonly string[] } = {}): Promise<void> {
    const apiPort = this.api === '' ? '0' : new URL(this.api).port;
    const flags = [
      '--state-dir',
      path.join(this.folder, 'control-plane'),
      '--api-port',
      apiPort,
      '--xds-port',
      String(this.xdsPort),
    ];
    this.controlPlane = this.#node('control plane', [
      path.join(root, 'control-plane/main.ts'),
      ...flags,
      '--exit-with-parent',
      ...(options.flags ?? []),
    ]);
    const ready = await this.controlPlane.ready<ControlPlaneReady>();
    this.api = `http://127.0.0.1:${ready.ports.api}`;
    this.xdsPort = ready.ports.xds;
    this.trustBundle = ready.trustBundle;
  }

  /** Starts any program that ends with the mesh. */
  program(
    name: string,
    command: string,
    args: readonly string[],
    options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
  ): Program {
    const program = new Program(name, command, args, options);
    this.#programs.push(program);
    return program;
  }

  async request<T>(method: string, pathname: string, body?: unknown): Promise<{ status: number; body: T }> {
    const response = await fetch(this.api + pathname, {
      method,
      headers: { 'content-type': 'application/json', 'x-heddle-client': 'test' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as T };
  }

  async apply(yaml: string): Promise<ApplyResponse> {
    const { status, body } = await this.request<ApplyResponse>('POST', '/api/v1/apply', {
      files: [{ name: 'test.yaml', text: yaml }],
      namespace: this.namespace,
    });
    if (status !== 200) throw new Error(`apply: ${status} ${JSON.stringify(body, undefined, 2)}`);
    return body;
  }

  async delete(kind: string, name: string): Promise<void> {
    const { status, body } = await this.request('POST', '/api/v1/delete', {
      objects: [{ kind, namespace: this.namespace, name }],
    });
    if (status !== 200) throw new Error(`delete: ${status} ${JSON.stringify(body)}`);
  }

  async token(serviceAccount: string): Promise<string> {
    const { body } = await this.request<TokenResponse>('POST', '/api/v1/tokens', {
      namespace: this.namespace,
      serviceAccount,
    });
    return body.token;
  }

  async proxies(): Promise<ProxyList['items']> {
    return (await this.request<ProxyList>('GET', '/api/v1/proxies')).body.items;
  }

  /** Waits until every connected proxy has acknowledged everything. */
  async synced(): Promise<void> {
    await until(async () => {
      const proxies = (await this.proxies()).filter(({ connected }) => connected);
      return (
        proxies.length > 0 &&
        proxies.every(({ types }) =>
          Object.values(types).every(({ state }) => state === 'SYNCED' || state === 'NOT SENT'),
        )
      );
    }, 'all proxies to be in sync');
  }

  /** A sidecar beside an application that listens on `port`, or beside a client only. */
  async sidecar(
    name: string,
    options: {
      service?: string;
      port?: number;
      protocol?: 'http' | 'http2' | 'grpc' | 'tcp';
      servicePort?: number;
      upstreams?: readonly string[];
      labels?: Record<string, string>;
      serviceAccount?: string;
      flags?: readonly string[];
      token?: string;
    } = {},
  ): Promise<ProxyProcess> {
    const account = options.serviceAccount ?? options.service ?? name;
    const args: string[] = ['--service-account', account];
    if (options.service !== undefined) args.push('--service', options.service, '--label', `app=${options.service}`);
    for (const [key, value] of Object.entries(options.labels ?? {})) args.push('--label', `${key}=${value}`);
    if (options.port !== undefined)
      args.push('--port', `main=${options.port}/${options.protocol ?? 'http'}:${options.servicePort ?? 80}`);
    for (const upstream of options.upstreams ?? []) args.push('--upstream', `${upstream}=0`);
    return this.proxy(name, account, [...args, '--outbound-port', '0', ...(options.flags ?? [])], options.token);
  }

  async gateway(name: string, flags: readonly string[] = []): Promise<ProxyProcess> {
    const args = [
      '--mode',
      'gateway',
      '--gateway',
      `${this.namespace}/${name}`,
      '--service-account',
      name,
      '--outbound-port',
      '-1',
    ];
    return this.proxy(name, name, [...args, ...flags]);
  }

  /** The local port of an explicit upstream, named as it was given. */
  upstream(proxy: ProxyProcess, upstream: string): number {
    const found = Object.entries(proxy.ready.ports.upstreams).find(([name]) =>
      name.startsWith(upstream.split(':')[0] as string),
    );
    if (found === undefined)
      throw new Error(`no upstream ${upstream} in ${JSON.stringify(proxy.ready.ports.upstreams)}`);
    return found[1];
  }

  async traces(): Promise<TraceList['items']> {
    return (await this.request<TraceList>('GET', '/api/v1/traces?limit=500')).body.items;
  }

  async trace(id: string): Promise<Trace> {
    return (await this.request<Trace>('GET', `/api/v1/traces/${id}`)).body;
  }

  /** Ends every process, newest first, and removes all files. */
  async close(): Promise<void> {
    for (const program of this.#programs.reverse()) await program.stop();
    fs.rmSync(this.folder, { recursive: true, force: true });
  }

  #node(name: string, args: readonly string[]): Program {
    const [command, ...rest] = [...this.#prefix, process.execPath, ...args];
    return this.program(name, command as string, rest);
  }

  private async proxy(name: string, account: string, args: readonly string[], token?: string): Promise<ProxyProcess> {
    const program = this.#node(name, [
      this.#sidecarProgram,
      ...['--name', name, '--namespace', this.namespace, '--control-plane', `127.0.0.1:${this.xdsPort}`],
      ...['--trust-bundle', this.trustBundle, '--join-token', token ?? (await this.token(account))],
      ...['--admin-port', '0', '--otlp', this.api, '--state-dir', path.join(this.folder, name), '--exit-with-parent'],
      ...args,
    ]);
    return { program, ready: await program.ready<ProxyReady>() };
  }
}
