import type { Context } from '../scenario.ts';

/**
 * What a candidate is set up as; every peer has a configuration for each shape it knows.
 *
 * - `gateway`: HTTP/1 in, HTTP/1 out
 * - `pair`: two proxies, HTTP/1 in, mutual TLS 1.3 between, HTTP/1 out
 * - `far`: mutual TLS 1.3 in, HTTP/1 out
 * - `h2`: HTTP/2 with prior knowledge in, HTTP/1 out
 * - `grpc-unary`, `grpc-stream`: HTTP/2 in and out
 * - `websocket`: HTTP/1 in and out, upgraded
 * - `tcp`: bytes
 * - `routes`: as `gateway`, with 1,000 routes to 1,000 clusters
 */
export type Shape = 'gateway' | 'pair' | 'far' | 'h2' | 'grpc-unary' | 'grpc-stream' | 'websocket' | 'tcp' | 'routes';

/** Routes and clusters of the shape `routes`; route N takes what begins with `/route/N/`. */
export const routeCount = 1_000;

/** The port behind the proxies of a shape. */
export function upstreamPort(shape: Shape, { upstreams }: Context): Promise<number> {
  switch (shape) {
    case 'grpc-unary':
      return upstreams.grpcUnary();
    case 'grpc-stream':
      return upstreams.grpcStream();
    case 'websocket':
      return upstreams.websocket();
    default:
      return upstreams.http();
  }
}
