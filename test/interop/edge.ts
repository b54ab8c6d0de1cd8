import { freePort } from '../../bench/processes.ts';
import { makeServerCertificate } from '../harness/certificates.ts';
import { TestMesh } from '../harness/mesh.ts';

/** A mesh with one application behind a gateway that has a port in plaintext and one with TLS. */
export interface TestEdge {
  mesh: TestMesh;
  ports: { http: number; https: number };
  /** The certificate of the TLS port, for `localhost` and 127.0.0.1. */
  certificatePem: string;
  close(): Promise<void>;
}

/** `flags` are those of the gateway's proxy. */
export async function startEdge(appPort: number, flags: readonly string[] = []): Promise<TestEdge> {
  const mesh = await TestMesh.start();
  const ports = { http: await freePort(), https: await freePort() };
  const { chainPem, privateKeyPem } = await makeServerCertificate('localhost');
  const indent = (text: string): string => text.trim().replaceAll('\n', '\n    ');
  await mesh.sidecar('app', { service: 'app', port: appPort });
  await mesh.apply(`
apiVersion: v1
kind: Secret
metadata: {name: edge}
type: kubernetes.io/tls
stringData:
  tls.crt: |
    ${indent(chainPem)}
  tls.key: |
    ${indent(privateKeyPem)}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  gatewayClassName: heddle
  listeners:
    - {name: http, port: ${ports.http}, protocol: HTTP}
    - {name: https, port: ${ports.https}, protocol: HTTPS, tls: {certificateRefs: [{name: edge}]}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: app}
spec:
  parentRefs: [{kind: Gateway, name: edge}]
  rules: [{backendRefs: [{name: app, port: 80}]}]
`);
  await mesh.gateway('edge', flags);
  return { mesh, ports, certificatePem: chainPem, close: () => mesh.close() };
}
