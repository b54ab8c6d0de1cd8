import type { DownstreamTlsConfig, HttpChainConfig } from '../../sidecar/net/listener-config.ts';
import { meshHttp2 } from '../../sidecar/stream/http2-settings.ts';
import { makeSvid, makeTestAuthority } from './certificates.ts';
import { cluster, endpoint, TestProxy } from './data-path.ts';

const id = (name: string) => `spiffe://mesh.test/ns/default/sa/${name}`;

export interface HopOptions {
  /** What the far proxy lets the near one choose from by ALPN. Default `h2`, `http/1.1`, as the control plane says. */
  alpn?: readonly string[];
  far?: Partial<HttpChainConfig>;
}

/** Two proxies of the mesh with mutual TLS between them: a client speaks to `port`, the application listens on `app`. */
export async function startHop(app: number, options: HopOptions = {}) {
  const authority = await makeTestAuthority();
  const proxyOf = async (name: string) => {
    const under = new TestProxy();
    under.secrets.set({ kind: 'certificate', name: 'default', notAfter: 0, ...(await makeSvid(authority, id(name))) });
    under.secrets.set({
      kind: 'validation',
      name: 'ROOTCA',
      trustDomain: 'mesh.test',
      rootsPem: authority.certificate.toString('pem'),
    });
    return under;
  };
  const far = await proxyOf('server');
  far.proxy.setCluster(cluster('app', [app]));
  const tls: DownstreamTlsConfig = {
    certificateSecret: 'default',
    validationSecret: 'ROOTCA',
    requireClientCertificate: true,
    allowedIds: [],
    minVersion: 'TLSv1.3',
    alpnProtocols: options.alpn ?? ['h2', 'http/1.1'],
  };
  const http = { http2: { ...meshHttp2, allowConnect: true }, ...options.far };
  const farPort = await far.listen('app', { direction: 'inbound', tls, http });
  const near = await proxyOf('client');
  const upstreamTls = {
    sni: '',
    expectedIds: [id('server')],
    certificateSecret: 'default',
    validationSecret: 'ROOTCA',
  };
  near.proxy.setCluster(cluster('server', [endpoint(farPort, { tls: true })], { protocol: 'auto', tls: upstreamTls }));
  return { near, far, port: await near.listen('server') };
}
