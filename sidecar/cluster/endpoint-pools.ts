import type { RequestHead } from '../stream/head.ts';
import type { Cluster } from './cluster.ts';
import type { Endpoint } from './endpoint.ts';
import { HttpPool, type PoolDependencies } from './http-pool.ts';
import type { HttpProtocol } from './upstream-http.ts';

/** The pools of one endpoint: one for what the cluster speaks, or one for each version where clients choose. */
export class EndpointPools {
  readonly #cluster: Cluster;
  readonly #endpoint: Endpoint;
  readonly #deps: PoolDependencies;
  /** The only one, where the request does not matter. */
  readonly #single: HttpPool | undefined;
  #http1: HttpPool | undefined;
  #http2: HttpPool | undefined;

  constructor(cluster: Cluster, endpoint: Endpoint, deps: PoolDependencies) {
    this.#cluster = cluster;
    this.#endpoint = endpoint;
    this.#deps = deps;
    const { protocol } = cluster.config;
    if (protocol !== 'downstream' && protocol !== 'tcp') this.#single = new HttpPool(cluster, endpoint, protocol, deps);
  }

  /** Open connections. */
  get size(): number {
    return this.all.reduce((sum, pool) => sum + pool.size, 0);
  }

  /** Those of them that speak HTTP/2. */
  get sharedSize(): number {
    return this.all.reduce((sum, pool) => sum + pool.sharedSize, 0);
  }

  get all(): readonly HttpPool[] {
    return [this.#single, this.#http1, this.#http2].filter((pool) => pool !== undefined);
  }

  /** The pool whose connections may carry the request. */
  for(head: RequestHead): HttpPool {
    if (this.#single !== undefined) {
      const instead = head.upgrade !== undefined && this.#single.fallsBack;
      if (!instead) return this.#single;
    } else if (head.version === '2') {
      this.#http2 ??= this.#create('http2');
      return this.#http2;
    }
    this.#http1 ??= this.#create('http1');
    return this.#http1;
  }

  drain(): void {
    for (const pool of this.all) pool.drain();
  }

  destroy(): void {
    for (const pool of this.all) pool.destroy();
  }

  #create(protocol: HttpProtocol): HttpPool {
    return new HttpPool(this.#cluster, this.#endpoint, protocol, this.#deps);
  }
}
