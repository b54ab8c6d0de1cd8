import { once } from 'node:events';
import http2 from 'node:http2';
import tls from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { makeSvid, makeTestAuthority } from '../harness/certificates.ts';
import { cluster, httpServer, TestProxy } from '../harness/data-path.ts';
import { sendOn } from '../harness/versions.ts';

/** A gateway with TLS and these protocols, before an application that tells what it was spoken to in. */
async function startEdge(alpnProtocols: readonly string[]) {
  const authority = await makeTestAuthority();
  const svid = await makeSvid(authority, 'spiffe://edge.test/ns/default/sa/edge');
  const { port: app } = await httpServer((incoming, outgoing) => void outgoing.end(incoming.httpVersion));
  const under = new TestProxy();
  under.secrets.set({ kind: 'certificate', name: 'web', notAfter: 0, ...svid });
  under.proxy.setCluster(cluster('app', [app]));
  const settings = {
    certificateSecret: 'web',
    validationSecret: undefined,
    requireClientCertificate: false,
    allowedIds: [],
    minVersion: 'TLSv1.2' as const,
    alpnProtocols,
  };
  return { under, port: await under.listen('app', { direction: 'gateway', tls: settings }) };
}

async function negotiated(port: number, ALPNProtocols: string[]): Promise<string | false | null> {
  const socket = tls.connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ALPNProtocols });
  onTestFinished(() => void socket.destroy());
  await once(socket, 'secureConnect');
  return socket.alpnProtocol;
}

test('a browser gets HTTP/2 over TLS where the gateway has it, and HTTP/1 where not', async () => {
  const both = await startEdge(['h2', 'http/1.1']);
  expect(await negotiated(both.port, ['h2', 'http/1.1'])).toBe('h2');
  expect(await negotiated(both.port, ['http/1.1'])).toBe('http/1.1');
  const one = await startEdge(['http/1.1']);
  expect(await negotiated(one.port, ['h2', 'http/1.1'])).toBe('http/1.1');
});

test('many requests on one HTTP/2 connection over TLS are answered, and told as https', async () => {
  const { under, port } = await startEdge(['h2', 'http/1.1']);
  const session = http2.connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
  session.on('error', () => {});
  onTestFinished(() => session.destroy());
  await once(session, 'connect');
  const answers = await Promise.all(Array.from({ length: 20 }, () => sendOn(session)));
  expect(answers.map(({ status, body }) => `${status} ${body}`)).toEqual(Array.from({ length: 20 }, () => '200 1.1'));
  await under.until(() => under.observer.streams.length === 20);
  expect(under.observer.streams[0]).toMatchObject({ protocol: '2', scheme: 'https', downstreamTls: true });
});
