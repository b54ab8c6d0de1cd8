import 'reflect-metadata';
import type { AddressInfo } from 'node:net';
import tls from 'node:tls';
import { expect, test } from 'vitest';
import { type Issued, TestAuthority } from '../test/harness/authority.ts';
import { verifyPeerSvid } from './peer-chain.ts';
import { derToPem } from './trust-bundle.ts';
import type { Verified } from './verify.ts';

const id = 'spiffe://cluster.local/ns/shop/sa/cart';

/** What either side of a handshake finds out about the other. */
async function handshake(authority: TestAuthority, server: Issued, client: Issued | undefined): Promise<Verified[]> {
  const options = { roots: [authority.root], trustDomain: 'cluster.local', now: Date.now() };
  const credentials = (issued: Issued) => ({ cert: issued.chain.map(derToPem).join(''), key: issued.keyPem });
  const seen: Verified[] = [];
  const listener = tls.createServer(
    { ...credentials(server), ca: authority.pem, requestCert: true, rejectUnauthorized: false, minVersion: 'TLSv1.3' },
    (socket) => {
      seen.push(verifyPeerSvid(socket, options));
      socket.on('error', () => {}).end();
    },
  );
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const socket = tls.connect({
    port: (listener.address() as AddressInfo).port,
    host: '127.0.0.1',
    ca: authority.pem,
    checkServerIdentity: () => undefined,
    rejectUnauthorized: false,
    ...(client === undefined ? {} : credentials(client)),
  });
  socket.on('secureConnect', () => seen.push(verifyPeerSvid(socket, options)));
  await new Promise((resolve) =>
    socket
      .on('error', () => {})
      .on('close', resolve)
      .resume(),
  );
  listener.close();
  return seen;
}

test('both sides of a handshake follow the other through its intermediates', async () => {
  const authority = await TestAuthority.create();
  const issuing = await (await authority.intermediate('One')).intermediate('Two');
  const results = await handshake(authority, await issuing.issue(id), await issuing.issue(id));
  expect(results).toMatchObject([
    { ok: true, id },
    { ok: true, id },
  ]);
});

test('TLS-14, TLS-15, TLS-17: a path that OpenSSL did not prove is none, and the rules for the leaf hold with one', async () => {
  const authority = await TestAuthority.create();
  const foreign = await (await TestAuthority.create()).intermediate('One');
  const issuing = await authority.intermediate('One');
  const server = await issuing.issue(id);
  const reasons = async (client: Issued | undefined) =>
    (await handshake(authority, server, client)).map((result) => (result.ok ? 'ok' : result.reason)).toSorted();
  expect(await reasons(await foreign.issue(id))).toEqual(['ok', 'unknown-authority']);
  expect(await reasons(undefined)).toEqual(['no-certificate', 'ok']);
  expect(await reasons(await issuing.issue('spiffe://other.example/ns/shop/sa/cart'))).toEqual([
    'ok',
    'wrong-trust-domain',
  ]);
  const two = await issuing.issue(id, { uris: [id, `${id}-2`] });
  expect(await reasons(two)).toEqual(['ok', 'several-uri-sans']);
});
